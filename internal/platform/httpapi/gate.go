package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/keyedsem"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// gateWait is how long a costly request waits at the gate before the server says that it is full.
const gateWait = 2 * time.Second

var errBusy = errors.New("httpapi: a crowd waits at the gate")

// gate lets in few costly requests at once, and no more than its share of one network: in a flood of it
// whoever comes from elsewhere finds a place. Here, before anything was parsed, a request that waits is
// small, and thousands of them leave the collector little to look at.
type gate struct {
	networks *keyedsem.Semaphore
	all      *keyedsem.Semaphore
}

// maxNetworks is how many networks may have their share inside at once.
const maxNetworks = 8

func newGate(share int) gate {
	return gate{networks: keyedsem.New(share), all: keyedsem.New(maxNetworks * share)}
}

func (g gate) enter(ctx context.Context, network string) (leave func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, gateWait, errBusy)
	defer cancel()

	leaveNetwork, err := g.networks.Acquire(ctx, network)
	if err != nil {
		return nil, problem.ErrUnavailable.WithRetryAfter(gateWait).WithCause(err)
	}

	leaveAll, err := g.all.Acquire(ctx, "")
	if err != nil {
		leaveNetwork()

		return nil, problem.ErrUnavailable.WithRetryAfter(gateWait).WithCause(err)
	}

	return func() {
		leaveAll()
		leaveNetwork()
	}, nil
}

// admit lets a costly request wait for its place. Its body is read first: a sender that dawdles takes up
// nobody's place.
func (p *Pipeline) admit(next http.Handler) http.Handler {
	inside := p.recover(next) // whose log shows where a panic came from

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !operationOf(r.Context()).expensive {
			next.ServeHTTP(w, r)

			return
		}

		// What goes wrong here is told where the body is looked at.
		raw, err := io.ReadAll(r.Body)
		r.Body = &bufferedBody{Reader: bytes.NewReader(raw), raw: raw, err: err}

		leave, err := p.gate.enter(r.Context(), origin.From(r.Context()).Network())
		if err != nil {
			runDetached(func() { p.Fail(w, r, err) })

			return
		}
		defer leave()

		runDetached(func() { inside.ServeHTTP(w, r) })
	})
}

// runDetached runs f on a goroutine of its own, whose stack is gone afterwards. That of a connection would grow to
// what the deepest handler needs, and stay so while the next request waits: 16 kB rather than 8 for each of
// thousands. A panic of f goes on here.
func runDetached(f func()) {
	thrown := make(chan any)

	go func() {
		defer func() { thrown <- recover() }()

		f()
	}()

	if cause := <-thrown; cause != nil {
		panic(cause)
	}
}

// bufferedBody is a body that was read, as far as that went.
type bufferedBody struct {
	*bytes.Reader

	raw []byte
	err error
}

func (*bufferedBody) Close() error { return nil }

// readAll reads a body, unless it was read at the gate.
func readAll(body io.Reader) ([]byte, error) {
	if h, ok := body.(*bufferedBody); ok {
		return h.raw, h.err
	}

	return io.ReadAll(body) //nolint:wrapcheck // the caller tells what it means
}
