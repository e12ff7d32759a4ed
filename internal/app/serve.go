package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/logging"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
)

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	idleTimeout       = 75 * time.Second
	// beyondPatience is what a refresh that has waited for the database needs besides.
	beyondPatience = 5 * time.Second
)

// writeTimeout is above the longest that a request takes: a refresh that waits for the database.
func writeTimeout(c config.Config) time.Duration {
	return readTimeout + c.RefreshPatience + beyondPatience
}

// drainTimeout is how long a stop waits for requests.
func drainTimeout(c config.Config) time.Duration { return c.RefreshPatience + beyondPatience }

// Serve runs the gateway until SIGINT or SIGTERM, then stops it gracefully: it becomes not ready, waits for the load
// balancer, closes idle connections, and finishes the requests and the jobs.
func Serve(ctx context.Context, c config.Config, greet func(address string)) error {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer cancel()

	go paceMemory(ctx, c.HashConcurrency)

	out := logging.NewWriter(os.Stdout)
	defer out.Close()

	log := logging.New(out, c.LogLevel, c.Mode == config.Development)

	var box *inbox.Inbox
	if c.Mode == config.Development {
		box = inbox.New()
	}

	a, err := New(ctx, Options{Config: c, Log: log, Now: time.Now, Inbox: box})
	if err != nil {
		return err
	}

	if err := checkPooler(ctx, c); err != nil {
		a.Close()

		return err
	}

	a.metrics.countDropped(out)

	servers, err := a.listen()
	if err != nil {
		a.Close()

		return err
	}

	// Most of what New allocated for the document is garbage now: several times what remains.
	debug.FreeOSMemory()

	return a.serve(ctx, cancel, servers, greet)
}

// serve serves until ctx ends, a listener fails or the gateway cannot start, and then stops the gateway. The public server comes first.
func (a *App) serve(ctx context.Context, cancel context.CancelFunc, servers []*listening, greet func(address string)) error {
	failed := make(chan error, len(servers))

	for _, one := range servers {
		go func() { failed <- one.serve() }()
		defer one.server.Close() //nolint:errcheck // the gateway is ending
	}

	a.Start()

	at := servers[0].listener.Addr()
	a.log.Info("listening", "address", at.String(), "mode", a.config.Mode, "version", Version())
	warnOfAddresses(a.config, at, a.log)

	for _, warning := range a.config.Warnings() {
		a.log.Warn(warning)
	}

	if greet != nil {
		greet(at.String())
	}

	var err error

	select {
	case err = <-failed:
		err = fmt.Errorf("serve: %w", err)
	case err = <-a.failed:
	case <-ctx.Done():
	}

	cancel() // a second signal ends the process at once

	return errors.Join(err, a.shutDown(servers[0]))
}

func (a *App) shutDown(public *listening) error {
	a.log.Info("stopping")
	a.Drain()

	// Until the load balancer has noticed, it sends requests on the connections that it keeps: they stay open, and each
	// response asks to close its own. One that the server closed now would lose the request that is on its way to it.
	if a.config.Mode == config.Release && a.started.Load() {
		time.Sleep(a.config.ShutdownDelay)
	}

	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout(a.config))
	defer cancel()

	err := errors.Join(public.server.Shutdown(ctx), a.Stop(ctx))
	a.log.Info("stopped")

	return err
}

// address returns where the API listens. In development mode the default is this machine alone, because the inbox shows
// codes to every client.
func address(c config.Config) string {
	if c.Mode == config.Development && c.Addr == config.DefaultAddr {
		return "localhost" + c.Addr
	}

	return c.Addr
}

// warnOfAddresses warns if other machines can read the inbox, or if clients cannot reach PUBLIC_URL.
func warnOfAddresses(c config.Config, listens net.Addr, log *slog.Logger) {
	at, isTCP := listens.(*net.TCPAddr)
	if c.Mode == config.Development && isTCP && !at.IP.IsLoopback() {
		log.Warn(fmt.Sprintf("every machine on the network can read the inbox, with every code: set ADDR=localhost:%d to prevent that", at.Port))
	}

	public, err := url.Parse(c.PublicURL)
	if c.Mode == config.Release && err == nil && public.Hostname() == "localhost" {
		log.Warn("PUBLIC_URL is " + c.PublicURL + ", which only this machine can reach, and tokens name it as their issuer: set PUBLIC_URL to the address that clients use")
	}
}

// listening is a server and its listener.
type listening struct {
	server   *http.Server
	listener net.Listener
}

// listen binds ADDR and, if it is set, PRIVATE_ADDR before either serves: a gateway that cannot start must not answer
// requests.
func (a *App) listen() (servers []*listening, err error) {
	for _, one := range []struct {
		setting, address string
		handler          http.Handler
	}{
		{"ADDR", address(a.config), a.handler},
		{"PRIVATE_ADDR", a.config.Private, a.private},
	} {
		if one.address == "" {
			continue
		}

		listener, err := bind(one.setting, one.address)
		if err != nil {
			for _, bound := range servers {
				bound.listener.Close() //nolint:errcheck // nothing was accepted
			}

			return nil, err
		}

		servers = append(servers, &listening{listener: listener, server: NewServer(a.config, one.handler, a.log)})
	}

	return servers, nil
}

// bind listens on the address of a setting.
func bind(setting, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)

	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is in use; set %s to listen elsewhere", setting, address, setting)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", setting, err)
	}

	return listener, nil
}

func (l *listening) serve() error {
	if err := l.server.Serve(l.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s: %w", l.listener.Addr(), err)
	}

	return nil
}

// NewServer returns a server that bounds what one connection may cost. A refresh may wait as long as c says.
func NewServer(c config.Config, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout(c),
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    httpapi.MaxHeader - 4<<10, // net/http adds 4 KiB
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
