package resilience_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// REL-D4, T-09: a deploy over a network with a delay loses no request. A load balancer that asks /readyz keeps connections
// to the replica, and cannot repeat a POST on one of them that the replica closes while the request is on its way.
func TestDeployLosesNothingOverARealNetwork(t *testing.T) {
	t.Parallel()

	for _, delay := range []time.Duration{2 * time.Millisecond, 10 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			t.Parallel()

			url := postgrestest.New(t)

			var served, failed int64

			for range 3 {
				s, f := deploy(t, url, delay)
				served, failed = served+s, failed+f
			}

			if failed > 0 || served < 300 {
				t.Errorf("%d of %d requests failed", failed, served+failed)
			}

			t.Logf("%d requests in 3 restarts, %d failed", served, failed)
		})
	}
}

// deploy starts a replica, sends it requests as a load balancer does, and stops it meanwhile.
func deploy(t *testing.T, database string, delay time.Duration) (served, failed int64) {
	t.Helper()

	address, terminate, ended := replica(t, database)
	b := &balancer{url: "http://" + delayed(t, address, delay)}

	apptest.Eventually(t, "the replica is ready", b.check)

	stopped := make(chan struct{})

	var workers sync.WaitGroup

	for range 24 {
		workers.Go(func() { b.send(t, stopped) })
	}

	apptest.Eventually(t, "requests are served", func() bool { return b.served.Load() > 100 })
	terminate()

	// The load balancer notices at its next check, and sends this replica nothing more.
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()

	for range tick.C {
		if !b.check() {
			break
		}
	}

	close(stopped)
	workers.Wait()

	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}

	return b.served.Load(), b.failed.Load()
}

// replica runs a gateway on the database, in this process, until terminate is called.
func replica(t *testing.T, database string) (address string, terminate func(), ended <-chan error) {
	t.Helper()

	c, err := config.Load(map[string]string{
		"MODE": config.Release, "DATABASE_URL": database, "MASTER_KEY": masterKey(database), "ADDR": "127.0.0.1:0",
		"LOG_LEVEL": "ERROR", "SHUTDOWN_DELAY": "1s",
	})
	if err != nil {
		t.Fatal(err)
	}

	ctx, terminate := context.WithCancel(t.Context())
	t.Cleanup(terminate)

	listens, end := make(chan string, 1), make(chan error, 1)
	go func() { end <- app.Serve(ctx, c, func(at string) { listens <- at }) }()

	return <-listens, terminate, end
}

var masterKeys sync.Map // by database: the replicas of a database share a key

func masterKey(database string) string {
	key, _ := masterKeys.LoadOrStore(database, keyring.Generate())

	return key.(string)
}

// balancer is a load balancer before one replica.
type balancer struct {
	url            string
	served, failed atomic.Int64
}

// check is a health check, on a connection of its own.
func (b *balancer) check() bool {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}

	response, err := client.Get(b.url + "/readyz")
	if err != nil {
		return false
	}

	response.Body.Close()

	return response.StatusCode == http.StatusOK
}

// send sends one POST after the other until stopped is closed, on a connection that is kept as long as the replica keeps
// it. Go's client repeats no POST by itself.
func (b *balancer) send(t *testing.T, stopped <-chan struct{}) {
	client := http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()

	for {
		select {
		case <-stopped:
			return
		case <-time.After(time.Millisecond):
		}

		if err := post(client, b.url+"/api/auth/refresh"); err != nil {
			b.failed.Add(1)
			t.Log(err)
		} else {
			b.served.Add(1)
		}
	}
}

func post(client http.Client, url string) error {
	response, err := client.Post(url, "application/json", bytes.NewReader([]byte(`{"refresh_token":"unknown"}`)))
	if err != nil {
		return err
	}
	defer response.Body.Close()

	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}

	if response.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("status %d", response.StatusCode)
	}

	return nil
}

// delayed returns the address of a proxy to the address whose every byte arrives later by the delay, as over a network.
func delayed(t *testing.T, to string, delay time.Duration) string {
	t.Helper()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { listener.Close() })

	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}

			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()

				continue
			}

			go carry(near, far, delay)
			go carry(far, near, delay)
		}
	}()

	return listener.Addr().String()
}

// carry copies what arrives at one end to the other, and its end, each after the delay.
func carry(from, to net.Conn, delay time.Duration) {
	type packet struct {
		bytes []byte
		due   time.Time
	}

	way := make(chan packet, 1024)

	go func() {
		defer close(way)

		for {
			buffer := make([]byte, 32<<10)
			n, err := from.Read(buffer)

			if n > 0 {
				way <- packet{buffer[:n], time.Now().Add(delay)}
			}

			if err != nil {
				way <- packet{nil, time.Now().Add(delay)}

				return
			}
		}
	}()

	for one := range way {
		<-time.After(time.Until(one.due))

		if one.bytes == nil {
			to.Close()
			from.Close()
		} else if _, err := to.Write(one.bytes); err != nil {
			from.Close()
		}
	}
}
