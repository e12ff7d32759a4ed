package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	megabyte    = 1_000_000
	mebibyte    = 1 << 20
	idleTarget  = 45 * megabyte
	burstTarget = 140 * mebibyte
)

// measureMemory measures an idle gateway, and one at which all users sign in at the same moment.
func measureMemory(ctx context.Context, b *bench) (_ []line, err error) {
	const name = "memory"
	if err := b.database.create(ctx, name, b.logins, 1, b.say); err != nil {
		return nil, err
	}

	gateway, err := b.gatewayOn(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = join(err, gateway.stop()) }()

	select {
	case <-time.After(b.settle):
	case <-ctx.Done():
		return nil, ctx.Err()
	}

	memory := watch(gateway.command.Process.Pid)

	idle, _, err := memory.read()
	if err != nil {
		return nil, join(err, memory.end())
	}

	statuses, err := burst(gateway.address, b.logins)

	_, peak, memoryErr := memory.read()
	if err := join(err, memoryErr, memory.end()); err != nil {
		return nil, err
	}

	return []line{
		{
			work: "memory, idle", measured: fmt.Sprintf("%.1f MB resident", float64(idle)/megabyte),
			target: "≤ 45 MB", held: idle <= idleTarget,
		},
		{
			work:     fmt.Sprintf("memory, %d sign-ins at once", b.logins),
			measured: fmt.Sprintf("%.1f MB at the peak; %s", float64(peak)/megabyte, statuses),
			result:   fmt.Sprintf("idle + %.0f MiB", float64(peak-idle)/mebibyte),
			target:   "≤ idle + 140 MiB", held: peak-idle <= burstTarget,
		},
	}, nil
}

// burst opens all connections first, and then sends every request at the same moment.
func burst(address string, n int) (string, error) {
	var (
		group   sync.WaitGroup
		gate    = make(chan struct{})
		codes   = make([]int, n)
		errs    = make([]error, n)
		answers = map[int]int{}
	)

	for i := range n {
		conn, err := dial(address)
		if err != nil {
			close(gate)

			return "", err
		}
		defer conn.close()

		request := loginRequest(i)

		group.Go(func() {
			<-gate

			codes[i], _, errs[i] = conn.do(request)
		})
	}

	close(gate)
	group.Wait()

	for _, code := range codes {
		answers[code]++
	}

	words := fmt.Sprintf("%d answered 200, %d 503", answers[http.StatusOK], answers[http.StatusServiceUnavailable])
	if others := n - answers[http.StatusOK] - answers[http.StatusServiceUnavailable]; others > 0 {
		words += fmt.Sprintf(", %d otherwise", others)
	}

	return words, errors.Join(errs...)
}

// memoryWatch follows the resident memory of a process. Linux records the maximum itself; elsewhere it is read
// repeatedly.
type memoryWatch struct {
	pid  int
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	highest int64
	err     error
}

func watch(pid int) *memoryWatch {
	w := &memoryWatch{pid: pid, stop: make(chan struct{}), done: make(chan struct{})}

	go func() {
		defer close(w.done)

		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()

		for runtime.GOOS != "linux" {
			_, _, err := w.read()

			w.mu.Lock()
			w.err = err
			w.mu.Unlock()

			select {
			case <-w.stop:
				return
			case <-tick.C:
			}
		}
	}()

	return w
}

func (w *memoryWatch) end() error {
	close(w.stop)
	<-w.done

	w.mu.Lock()
	defer w.mu.Unlock()

	return w.err
}

// read returns the current and the maximum resident memory, in bytes.
func (w *memoryWatch) read() (now, peak int64, err error) {
	if runtime.GOOS == "linux" {
		return readStatus(w.pid)
	}

	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(w.pid)).Output()
	if err != nil {
		return 0, 0, fmt.Errorf("ps: %w", err)
	}

	kilobytes, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("ps: %w", err)
	}

	w.mu.Lock()
	defer w.mu.Unlock()

	w.highest = max(w.highest, kilobytes<<10)

	return kilobytes << 10, w.highest, nil
}

func readStatus(pid int) (now, peak int64, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0, err
	}

	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)

		switch name {
		case "VmRSS":
			now = kilobytes << 10
		case "VmHWM":
			peak = kilobytes << 10
		}
	}

	if now == 0 || peak == 0 {
		return 0, 0, errors.New("/proc does not contain the memory")
	}

	return now, peak, nil
}
