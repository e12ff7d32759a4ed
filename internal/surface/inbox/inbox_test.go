package inbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
)

// failing is a sender whose server is away.
type failing struct{}

var errAway = errors.New("away")

func (failing) Send(context.Context, delivery.Outgoing) error { return errAway }

func message(n int) delivery.Outgoing {
	return delivery.Outgoing{
		ID: strconv.Itoa(n), Channel: delivery.Mail, To: "<script>@konec.test", Code: strconv.Itoa(n),
		Rendered: delivery.Rendered{Subject: "subject", Text: "<b>text</b>"},
	}
}

func ask(t *testing.T, box *inbox.Inbox, accept string) *httptest.ResponseRecorder {
	t.Helper()

	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/dev/inbox", nil)
	request.Header.Set("Accept", accept)

	answer := httptest.NewRecorder()
	box.ServeHTTP(answer, request)

	return answer
}

func TestInbox(t *testing.T) {
	t.Parallel()

	t.Run("EmptyIsAList", func(t *testing.T) {
		t.Parallel()

		if got := ask(t, inbox.New(), "application/json").Body.String(); strings.TrimSpace(got) != "[]" {
			t.Errorf("got %s", got)
		}
	})

	t.Run("NewestComesFirstAndTheOldestGo", func(t *testing.T) {
		t.Parallel()

		box := inbox.New()
		for n := range 501 {
			if err := box.After(nil).Send(t.Context(), message(n)); err != nil {
				t.Fatal(err)
			}
		}

		var got []inbox.Message
		if err := json.Unmarshal(ask(t, box, "application/json").Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}

		if len(got) != 500 || got[0].Code != "500" || got[499].Code != "1" {
			t.Errorf("%d messages, from %+v", len(got), got[0])
		}
	})

	t.Run("PageShowsTextAsText", func(t *testing.T) {
		t.Parallel()

		box := inbox.New()
		if err := box.After(nil).Send(t.Context(), message(1)); err != nil {
			t.Fatal(err)
		}

		answer := ask(t, box, "text/html")
		if page := answer.Body.String(); strings.Contains(page, "<script>@") || strings.Contains(page, "<b>text") || !strings.Contains(page, "&lt;script&gt;@konec.test") {
			t.Errorf("page %s", page)
		}

		if policy := answer.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("policy %q", policy)
		}
	})

	t.Run("PreviewIsTheMail", func(t *testing.T) {
		t.Parallel()

		mail := message(1)
		mail.HTML = `<p style="color:red">It's "yours" &amp; ready.</p>`

		box := inbox.New()
		if err := box.After(nil).Send(t.Context(), mail); err != nil {
			t.Fatal(err)
		}

		_, frame, _ := strings.Cut(ask(t, box, "text/html").Body.String(), `srcdoc="`)
		frame, _, _ = strings.Cut(frame, `"`)

		if got := html.UnescapeString(frame); got != mail.HTML {
			t.Errorf("preview %q", got)
		}
	})

	t.Run("UnsentMailIsNotShown", func(t *testing.T) {
		t.Parallel()

		box := inbox.New()
		if err := box.After(failing{}).Send(t.Context(), message(1)); !errors.Is(err, errAway) || len(box.Messages()) != 0 {
			t.Errorf("got %v, %d messages", err, len(box.Messages()))
		}
	})
}
