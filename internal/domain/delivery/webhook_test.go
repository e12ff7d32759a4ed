package delivery

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// T-11, R-N1: the receiver gets one signed message, and can recognize a repeat: the same id, the same body, a signature
// for its own time.
func TestWebhookGetsOneSignedMessage(t *testing.T) {
	t.Parallel()

	p := newProvider(t, answers(http.StatusAccepted, ""))
	s, message := webhook(t, p), sms(t, PhoneCode, abroad)

	for range 2 {
		if err := s.Send(t.Context(), message); err != nil {
			t.Fatal(err)
		}

		message.At = message.At.Add(time.Minute)
	}

	calls := p.got()
	if len(calls) != 2 || !bytes.Equal(calls[0].body, calls[1].body) {
		t.Fatalf("got %+v", calls)
	}

	want := `{"id":"an-id","to":"+61412345678","text":"042137 is the code to add this phone to a Toolkit account. It is valid for 5 minutes. ` +
		`Do not share it with anybody.","code":"042137","kind":"phone_code","language":"en","at":"2026-01-02T03:04:05Z"}`
	if got := string(calls[0].body); got != want {
		t.Errorf("body\ngot  %s\nwant %s", got, want)
	}

	for i, c := range calls {
		header := c.request.Header
		if c.request.Method != http.MethodPost || c.request.URL.String() != "/sms?key="+canaryPath || header.Get("Content-Type") != "application/json" ||
			header.Get("Webhook-Id") != "an-id" || header.Get("Webhook-Timestamp") != fmt.Sprint(message.At.Add(time.Duration(i-2)*time.Minute).Unix()) {
			t.Errorf("%s %s %v", c.request.Method, c.request.URL, header)
		}

		key, err := base64.StdEncoding.DecodeString(whsec[len("whsec_"):])
		if err != nil {
			t.Fatal(err)
		}

		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", header.Get("Webhook-Id"), header.Get("Webhook-Timestamp"), c.body)

		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); header.Get("Webhook-Signature") != want {
			t.Errorf("signature %s, want %s", header.Get("Webhook-Signature"), want)
		}
	}
}

// T-11, R-N4: which responses are final.
func TestWebhookOutcome(t *testing.T) {
	t.Parallel()

	const (
		sent = iota
		final
		again
	)

	for status, want := range map[int]int{
		200: sent, 201: sent, 202: sent, 204: sent, 299: sent,
		400: final, 401: final, 403: final, 404: final, 405: final, 409: final, 410: final, 413: final, 422: final, 499: final,
		408: again, 425: again, 429: again, 300: again, 304: again, 500: again, 501: again, 502: again, 503: again, 504: again, 599: again,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()

			p := newProvider(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })

			err := webhook(t, p).Send(t.Context(), sms(t, SignInCode, mainland))
			if (err == nil) != (want == sent) || errors.Is(err, ErrRefused) != (want == final) {
				t.Errorf("got %v", err)
			}

			withoutCanary(t, err)
		})
	}
}
