package httpapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/keyedsem"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// gateWait is how long a costly request waits at the gate before the server reports that it is full.
const gateWait = 2 * time.Second

var errBusy = errors.New("httpapi: too many requests wait at the gate")

// gate admits few costly requests at once, and only a share of one network: during a flood from one network, requests
// from others are still admitted. Before a request is parsed it is small: thousands can wait at low cost for the
// garbage collector.
type gate struct {
	networks *keyedsem.Semaphore
	all      *keyedsem.Semaphore
}

// maxNetworks is how many networks may have their full share inside at once.
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

// admit lets a costly request wait for a slot.
func (p *Pipeline) admit(next http.Handler) http.Handler {
	inside := p.recover(next) // whose log entry shows where a panic occurred

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !operationOf(r.Context()).expensive {
			next.ServeHTTP(w, r)

			return
		}

		leave, err := p.gate.enter(r.Context(), origin.From(r.Context()).Network())
		if err != nil {
			runDetached(func() { p.Fail(w, r, err) })

			return
		}
		leave = sync.OnceFunc(leave)
		defer leave()

		r = r.WithContext(context.WithValue(r.Context(), gateKey{}, leave))

		runDetached(func() { inside.ServeHTTP(w, r) })
	})
}

type gateKey struct{}

// leaveGate gives the request's slot back before the request ends. It does nothing for one that did not need a slot.
func leaveGate(ctx context.Context) {
	if leave, inside := ctx.Value(gateKey{}).(func()); inside {
		leave()
	}
}

// runDetached runs f on its own goroutine, whose stack is freed afterwards. A connection's stack would grow to the need
// of the deepest handler, and stay so while the next request waits: 16 kB rather than 8 for each of thousands. A panic
// of f continues here.
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
