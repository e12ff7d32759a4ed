package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// readyTimeout is how long a server may take to start before that is a failure, not a number.
const readyTimeout = 30 * time.Second

// server is a running gateway or floor.
type server struct {
	command *exec.Cmd
	address string
}

// gatewayOn starts the gateway on a database, with more settings, as an operator would, and waits until it is ready.
func (b *bench) gatewayOn(ctx context.Context, name string, settings ...string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}

	command := exec.CommandContext(ctx, b.gateway, "serve")
	command.Env = slices.Concat(b.environ, []string{"DATABASE_URL=" + b.database.cluster.URL(name), "ADDR=" + address}, settings)
	command.Stderr = os.Stderr

	// The log goes to a file, as an operator's does.
	log, err := os.OpenFile(filepath.Join(b.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own

	command.Stdout = log

	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the gateway: %w", err)
	}

	s := &server{command: command, address: address}
	if err := s.waitReady(ctx); err != nil {
		return nil, join(err, s.stop())
	}

	return s, nil
}

// freeAddress lets the system choose a port. Another process could take it before we do; then the start fails with an
// error.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}

	return listener.Addr().String(), listener.Close()
}

// waitReady sends a request every two milliseconds, at low cost for a machine that is busy starting.
func (s *server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()

	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()

	question := []byte("GET /readyz" + common + "\r\n")

	for {
		if c, err := dial(s.address); err == nil {
			status, _, err := c.do(question)
			c.close()

			if err == nil && status == http.StatusOK {
				return nil
			}
		}

		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the gateway is not ready: %w", ctx.Err())
		}
	}
}

// ourselves starts this program again in another role, and returns the first line it prints.
func (b *bench) ourselves(ctx context.Context, role string, environ ...string) (*server, string, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, "", err
	}

	command := exec.CommandContext(ctx, program, role)
	command.Env = slices.Concat(b.environ, environ)
	command.Stderr = os.Stderr

	out, err := command.StdoutPipe()
	if err != nil {
		return nil, "", err
	}

	if err := command.Start(); err != nil {
		return nil, "", fmt.Errorf("start %s: %w", role, err)
	}

	s := &server{command: command}

	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", join(err, s.stop())
	}

	return s, strings.TrimSpace(line), nil
}

func (b *bench) floorOn(ctx context.Context, name string, method jwt.SigningMethod) (*server, error) {
	s, line, err := b.ourselves(ctx, floorRole, "DATABASE_URL="+b.database.cluster.URL(name), floorMethod+"="+method.Alg())
	if err != nil {
		return nil, err
	}

	if s.address = line; line == "" {
		return nil, join(errors.New("the floor did not start"), s.stop())
	}

	return s, nil
}

// cpu returns the processor time of the process so far, or zero where the system does not show it (proc(5), stat).
func (s *server) cpu() time.Duration {
	const tick = 10 * time.Millisecond // sysconf(_SC_CLK_TCK) is 100 on every Linux

	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
	if err != nil {
		return 0
	}

	// The second field is the name, in parentheses; utime and stime are the 14th and the 15th.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}

	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])

	return time.Duration(user+system) * tick
}

// with returns the side with the processor time that the server spends on it.
func (s *server) with(run side) side {
	return func(ctx context.Context, length time.Duration) (sample, error) {
		before := s.cpu()
		got, err := run(ctx, length)
		got.cpu = s.cpu() - before

		return got, err
	}
}

// stop ends the process and waits for it. The exit code is ignored.
func (s *server) stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}

	timer := time.AfterFunc(stopTimeout, func() { _ = s.command.Process.Kill() })
	defer timer.Stop()

	var ended *exec.ExitError
	if err := s.command.Wait(); err != nil && !errors.As(err, &ended) {
		return err
	}

	return nil
}
