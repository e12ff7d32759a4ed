package outbound_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/outbound"
)

func TestClient(t *testing.T) {
	t.Parallel()

	client := outbound.New(settings)

	t.Run("SendsWhatItIsGiven", func(t *testing.T) {
		t.Parallel()

		server, _ := listener(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = io.WriteString(w, r.Method+" "+r.Header.Get("X-Name")+" "+r.Header.Get("User-Agent")+" "+string(body))
		})
		header := map[string]string{"X-Name": "value"}

		if got, err := client.Post(t.Context(), server.URL, header, []byte("body")); err != nil || string(got.Body) != "POST value toolkit-gateway body" {
			t.Errorf("%s, %v", got.Body, err)
		}

		if got, err := client.Get(t.Context(), server.URL, header); err != nil || string(got.Body) != "GET value toolkit-gateway " {
			t.Errorf("%s, %v", got.Body, err)
		}
	})

	t.Run("FollowsNoRedirect", func(t *testing.T) {
		t.Parallel()

		target, reached := listener(t, fine)
		server, _ := listener(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, http.StatusFound) })

		if got, err := client.Get(t.Context(), server.URL, nil); err != nil || got.Status != http.StatusFound || reached.Load() > 0 {
			t.Errorf("%d, %v, and %d requests to the target", got.Status, err, reached.Load())
		}
	})

	t.Run("CutsALongAnswer", func(t *testing.T) {
		t.Parallel()

		for size, whole := range map[int]bool{0: true, settings.MaxAnswer: true, settings.MaxAnswer + 1: false} {
			server, _ := listener(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) })

			got, err := client.Get(t.Context(), server.URL, nil)
			if err != nil || (got.Cut == nil) != whole || len(got.Body) != min(size, settings.MaxAnswer) {
				t.Errorf("%d bytes: %d, %v, %v", size, len(got.Body), got.Cut, err)
			}
		}
	})

	t.Run("KeepsTheStatusOfAnAnswerThatBreaksOff", func(t *testing.T) {
		t.Parallel()

		server, _ := listener(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "the beginning")
			_ = http.NewResponseController(w).Flush()

			panic(http.ErrAbortHandler)
		})

		got, err := client.Get(t.Context(), server.URL, nil)
		if err != nil || got.Cut == nil || got.Status != http.StatusOK || string(got.Body) != "the beginning" {
			t.Errorf("%d %q, %v, %v", got.Status, got.Body, got.Cut, err)
		}
	})

	t.Run("EndsInTime", func(t *testing.T) {
		t.Parallel()

		server, _ := listener(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		impatient := settings
		impatient.Timeout = 50 * time.Millisecond

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()

		if _, err := outbound.New(impatient).Get(ctx, server.URL, nil); err == nil || ctx.Err() != nil {
			t.Errorf("%v, and the caller's own time limit: %v", err, ctx.Err())
		}
	})

	t.Run("NeverShowsTheAddress", func(t *testing.T) {
		t.Parallel()

		closed, _ := listener(t, fine)
		closed.Close()

		for _, address := range []string{closed.URL, "https://unknown.invalid", "https://exa mple.com", "unknown://host", ":"} {
			if _, err := client.Get(t.Context(), address+"/"+canary, nil); err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("%s: %v", address, err)
			}
		}
	})

	t.Run("MakesAConnectionForEachRequest", func(t *testing.T) {
		t.Parallel()

		var connections atomic.Int32

		server := httptest.NewUnstartedServer(http.HandlerFunc(fine))
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}
		server.Start()
		t.Cleanup(server.Close)

		for range 3 {
			if _, err := client.Get(t.Context(), server.URL, nil); err != nil {
				t.Error(err)
			}
		}

		if connections.Load() != 3 {
			t.Errorf("%d connections for 3 requests", connections.Load())
		}
	})
}

// net/http reads the environment once, and only this test of the package makes it do so.
func TestNoProxyFromTheEnvironment(t *testing.T) {
	proxy, calls := listener(t, fine)

	for _, name := range []string{"HTTP_PROXY", "http_proxy"} {
		t.Setenv(name, proxy.URL)
	}

	for name, client := range map[string]*outbound.Client{
		"plain": outbound.New(settings), "guarded": outbound.NewGuarded(outbound.Policy{Local: true}, settings),
	} {
		if _, err := client.Get(t.Context(), "http://unknown.invalid/", nil); err == nil || calls.Load() > 0 {
			t.Errorf("%s: %v, and the proxy was asked %d times", name, err, calls.Load())
		}
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()

	for status := 100; status < 600; status++ {
		answer := outbound.Answer{Status: status}

		if accepted := status >= 200 && status <= 299; answer.Accepted() != accepted {
			t.Errorf("%d: accepted %v", status, answer.Accepted())
		}

		if final := status >= 400 && status <= 499 && !slices.Contains([]int{408, 425, 429}, status); answer.Final() != final {
			t.Errorf("%d: final %v", status, answer.Final())
		}
	}
}
