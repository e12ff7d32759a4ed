package delivery

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/outbound"
)

// T-11: temporary failures are retried, and reveal no secret.
func TestLostAnswerIsTriedAgain(t *testing.T) {
	t.Parallel()

	release := make(chan struct{})
	t.Cleanup(func() { close(release) })

	for name, reply := range map[string]http.HandlerFunc{
		"NoAnswerInTime": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-release:
			}

			panic(http.ErrAbortHandler) // returning would respond with 200, which a busy client sometimes still reads
		},
		"CutConnection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"EndlessHeaders": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 2*smsLimits.MaxAnswer))
		},
		"NoHTTP": func(w http.ResponseWriter, r *http.Request) {
			connection, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(connection, "042137 "+r.RequestURI[:1]+"\r\n\r\n")
				connection.Close()
			}
		},
	} {
		for who, s := range senders(t, reply) {
			t.Run(name+"/"+who, func(t *testing.T) {
				t.Parallel()

				*s.client = s.provider.client(500 * time.Millisecond)

				err := s.Send(t.Context(), sms(t, SignInCode, mainland))
				if err == nil || errors.Is(err, ErrRefused) {
					t.Errorf("got %v, want a failure that is tried again", err)
				}

				if name != "NoHTTP" { // the response is quoted; the worker removes the code
					withoutCanary(t, err)
				}

				if n := len(s.provider.got()); n != 1 {
					t.Errorf("one attempt made %d requests", n)
				}
			})
		}
	}
}

// R-N3: a message goes to the address in the settings, and nowhere else.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()

	for _, status := range []int{301, 302, 303, 307, 308} {
		elsewhere := newProvider(t, answers(http.StatusOK, ""))

		for who, s := range senders(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) }) {
			err := s.Send(t.Context(), sms(t, SignInCode, mainland))
			if err == nil || errors.Is(err, ErrRefused) {
				t.Errorf("%s: %d: got %v, want a failure that is tried again", who, status, err)
			}

			withoutCanary(t, err)
		}

		if n := len(elsewhere.got()); n != 0 {
			t.Errorf("%d: %d requests went there", status, n)
		}
	}
}

// An unknown server with its own certificate receives nothing.
func TestCertificateOfAStrangerIsRefused(t *testing.T) {
	t.Parallel()

	for who, s := range senders(t, answers(http.StatusOK, "")) {
		*s.client = outbound.New(smsLimits)

		err := s.Send(t.Context(), sms(t, SignInCode, mainland))
		if err == nil || errors.Is(err, ErrRefused) || len(s.provider.got()) != 0 {
			t.Errorf("%s: got %v, %d requests", who, err, len(s.provider.got()))
		}

		withoutCanary(t, err)
	}
}

// An endless response is read up to a limit. The webhook has its status by then; the service's JSON is incomplete when
// it is cut.
func TestOversizeAnswerIsCut(t *testing.T) {
	t.Parallel()

	var swallowed atomic.Bool

	for who, s := range senders(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Response":{"SendStatusSet":[{"Code":"Ok"}],"RequestId":"`)

		for range 64 { // MiB, many times what the two sides can buffer
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil {
				return
			}
		}

		swallowed.Store(true)
	}) {
		err := s.Send(t.Context(), sms(t, SignInCode, mainland))
		if who == "Webhook" && err != nil || who == "Tencent" && (err == nil || errors.Is(err, ErrRefused)) {
			t.Errorf("%s: got %v", who, err)
		}

		withoutCanary(t, err)
		s.provider.Close() // waits for the end of the response

		if swallowed.Load() {
			t.Errorf("%s read all of it", who)
		}
	}
}

// A recipient that is not a phone number is never sent: neither as a second number nor as a header.
func TestWhatIsNoPhoneNumberIsRefusedUnasked(t *testing.T) {
	t.Parallel()

	for who, s := range senders(t, answers(http.StatusOK, "")) {
		for _, to := range []string{
			"", "+", "13800138000", "008613800138000", "+0138001380", "+86 138 0013 8000", mainland + "\n", mainland + "," + abroad,
			"+861380013800x", "+" + strings.Repeat("1", 16), "+８６１３８００１３８０００", "a@konec.test",
		} {
			if err := s.Send(t.Context(), sms(t, SignInCode, to)); !errors.Is(err, ErrRefused) {
				t.Errorf("%s: %q: got %v", who, to, err)
			}
		}

		if n := len(s.provider.got()); n != 0 {
			t.Errorf("%s was asked %d times", who, n)
		}
	}
}
