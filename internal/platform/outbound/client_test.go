package outbound_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/outbound"
)

const canary = "canary-in-the-address"

var settings = outbound.Settings{Timeout: 10 * time.Second, Handshake: 10 * time.Second, MaxAnswer: 4 << 10}

// listener is a program on this machine that counts its callers.
func listener(t *testing.T, answer http.HandlerFunc) (server *httptest.Server, calls *atomic.Int32) {
	t.Helper()

	calls = &atomic.Int32{}
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)

	return server, calls
}

func fine(http.ResponseWriter, *http.Request) {}

func TestGuardedClient(t *testing.T) {
	t.Parallel()

	local := outbound.NewGuarded(outbound.Policy{Local: true}, settings)

	t.Run("BringsTheBody", func(t *testing.T) {
		t.Parallel()

		server, _ := listener(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || r.Header.Get("Webhook-Id") != "evt_1" || r.Header.Get("User-Agent") != "toolkit-gateway" || r.ContentLength != 2 {
				t.Errorf("%s %v", r.Method, r.Header)
			}

			w.WriteHeader(http.StatusTeapot)
		})

		if answer, err := local.Post(t.Context(), server.URL, map[string]string{"Webhook-Id": "evt_1"}, []byte("{}")); err != nil || answer.Status != http.StatusTeapot {
			t.Errorf("%d %v", answer.Status, err)
		}
	})

	t.Run("FollowsNoRedirect", func(t *testing.T) {
		t.Parallel()

		target, reached := listener(t, fine)
		server, _ := listener(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL, http.StatusTemporaryRedirect)
		})

		if answer, err := local.Post(t.Context(), server.URL, nil, nil); err != nil || answer.Status != http.StatusTemporaryRedirect || reached.Load() > 0 {
			t.Errorf("%d %v, and %d calls of the target", answer.Status, err, reached.Load())
		}
	})

	t.Run("ReadsLittleOfAnAnswer", func(t *testing.T) {
		t.Parallel()

		server, _ := listener(t, func(w http.ResponseWriter, _ *http.Request) {
			for range 1 << 10 { // what the client may have buffered, and far more
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return // the client disconnected
				}
			}

			t.Error("64 MiB were read")
		})

		if answer, err := local.Post(t.Context(), server.URL, nil, nil); err != nil || answer.Status != http.StatusOK {
			t.Errorf("%d %v", answer.Status, err)
		}
	})

	t.Run("SaysInItsOwnWordsWhatWentWrong", func(t *testing.T) {
		t.Parallel()

		const closed = "http://127.0.0.1:1" // a port that no other test is given meanwhile

		cut, _ := listener(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)

				return
			}

			conn.Write([]byte("HTTP/1.1 " + canary + "\r\n\r\n"))
			conn.Close()
		})

		secure := httptest.NewTLSServer(http.HandlerFunc(fine))
		secure.Config.ErrorLog = nil
		t.Cleanup(secure.Close)

		for address, want := range map[string]string{
			closed: "the connection was refused", cut.URL: "the connection broke", secure.URL: "the certificate is not valid",
			"https://unknown.invalid": "the name was not found",
		} {
			_, err := local.Post(t.Context(), address+"/"+canary, nil, nil)

			// SEC-S26: the text is one for all of them; the reason is the operator's.
			none, ok := errors.AsType[outbound.NoAnswer](err)
			if !ok || err.Error() != "no answer" || none.Reason != want {
				t.Errorf("%s: %v %+v, want %s", address, err, none, want)
			}
		}
	})
}

func refusedInside(err error) bool {
	none, ok := errors.AsType[outbound.NoAnswer](err)

	return ok && none.Reason == outbound.ErrInside.Error()
}

// What a name resolves to is checked when the connection is made: an address inside is never connected to.
func TestGuardedClientStaysOutside(t *testing.T) {
	t.Parallel()

	server, calls := listener(t, fine)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	byName := "https://localhost:" + port

	for name, policy := range map[string]outbound.Policy{
		"the Internet":    {},
		"another network": {Inside: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
	} {
		if _, err := outbound.NewGuarded(policy, settings).Post(t.Context(), byName, nil, nil); !refusedInside(err) {
			t.Errorf("%s: %v", name, err)
		}
	}

	if calls.Load() > 0 {
		t.Errorf("%d calls", calls.Load())
	}

	// The same for an allowed address: a connection is made, which does not use TLS.
	inside := outbound.NewGuarded(outbound.Policy{Inside: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}, settings)
	if _, err := inside.Post(t.Context(), byName, nil, nil); err == nil || refusedInside(err) {
		t.Errorf("allowed: %v", err)
	}

	// An address that was stored under other settings.
	if _, err := outbound.NewGuarded(outbound.Policy{}, settings).Post(t.Context(), server.URL, nil, nil); err == nil || calls.Load() > 0 {
		t.Errorf("%v and %d calls by http", err, calls.Load())
	}
}
