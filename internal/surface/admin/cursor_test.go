package admin

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/timeline"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

var cursorTime = time.Date(2026, time.May, 4, 3, 2, 1, 0, time.UTC)

// A cursor leads back to the position that it was made of. The text is compared, because clients keep cursors while a
// new version of the server starts.
func TestCursorLeadsBack(t *testing.T) {
	t.Parallel()

	account := administration.Position{ID: "65a1b2c3d4e5f60718293a4c", Text: "张", Seen: cursorTime}
	if got := administration.Position(*throughText(t, (*accountCursor)(&account),
		`{"i":"65a1b2c3d4e5f60718293a4c","t":"张","s":"2026-05-04T03:02:01Z"}`)); got != account {
		t.Errorf("accounts: %+v became %+v", account, got)
	}

	throughText(t, &accountCursor{ID: "65a1b2c3d4e5f60718293a4c"}, `{"i":"65a1b2c3d4e5f60718293a4c"}`)
	throughText(t, &webhookDeliveryCursor{EventID: 7}, `{"e":7}`)

	logs := timeline.Position{Event: &audit.Position{At: cursorTime, ID: 7}, Delivery: &delivery.Position{At: cursorTime, ID: "d"}}

	got := throughText(t, timelineCursorOf(&logs), `{"e":{"a":"2026-05-04T03:02:01Z","i":7},"d":{"a":"2026-05-04T03:02:01Z","i":"d"}}`).position()
	if *got.Event != *logs.Event || *got.Delivery != *logs.Delivery {
		t.Errorf("timeline: %+v became %+v", logs, got)
	}

	if got := throughText(t, timelineCursorOf(&timeline.Position{}), `{}`).position(); got != (timeline.Position{}) {
		t.Errorf("an empty timeline: %+v", got)
	}

	if timelineCursorOf(nil) != nil {
		t.Error("the last page of a timeline has a cursor")
	}
}

// throughText makes the cursor that a client gets, compares it, and reads it again.
func throughText[Cursor any](t *testing.T, position *Cursor, want string) *Cursor {
	t.Helper()

	made, err := convert.ToCursor(position)
	if err != nil {
		t.Fatal(err)
	}

	text := made.MustGet()
	if decoded, err := base64.RawURLEncoding.DecodeString(text); err != nil || string(decoded) != want {
		t.Errorf("%T: %s, %v; want %s", position, decoded, err, want)
	}

	got, err := convert.CursorOf[Cursor](&text)
	if err != nil {
		t.Fatal(err)
	}

	return got
}

func TestNoCursor(t *testing.T) {
	t.Parallel()

	if got, err := convert.CursorOf[accountCursor](nil); err != nil || got != nil {
		t.Errorf("the first page: %+v, %v", got, err)
	}

	if last, err := convert.ToCursor[accountCursor](nil); err != nil || !last.IsNull() {
		t.Errorf("the last page: %v, %v", last, err)
	}
}

// Anything else is refused, and the field is named.
func TestBadCursor(t *testing.T) {
	t.Parallel()

	for _, bad := range []string{"", "%", "bm90IEpTT04", "eyJpIjo3fQ", "eyJpIjoiXHUwMDAwIn0"} {
		_, err := convert.CursorOf[accountCursor](&bad)

		refusal, ok := errors.AsType[*problem.Problem](err)
		if !ok || !errors.Is(refusal, problem.ErrInvalidRequest) || len(refusal.Fields) != 1 || refusal.Fields[0].Name != "?cursor" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
