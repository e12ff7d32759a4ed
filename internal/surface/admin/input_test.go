package admin

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

func TestVersionOf(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]int32{`"0"`: 0, `"7"`: 7, etag(12): 12, etag(math.MaxInt32): math.MaxInt32} {
		if got, err := versionOf(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}

	if _, err := versionOf(`"99999999999"`); !errors.Is(err, problem.ErrVersionConflict) {
		t.Errorf("a number larger than any version: %v", err)
	}
}

// A cursor leads back to the position that it was made of. One that is not ours is refused, and the field is named.
func TestCursor(t *testing.T) {
	t.Parallel()

	position := administration.Position{ID: "65a1b2c3d4e5f60718293a4c", Text: "张", Seen: time.Date(2026, time.May, 4, 3, 2, 1, 0, time.UTC)}

	made, err := toCursor(&position)
	if err != nil {
		t.Fatal(err)
	}

	text := made.MustGet()
	if got, err := cursorOf[administration.Position](&text); err != nil || *got != position {
		t.Errorf("%+v became %+v, %v", position, got, err)
	}

	if got, err := cursorOf[administration.Position](nil); err != nil || got != nil {
		t.Errorf("no cursor: %+v, %v", got, err)
	}

	if last, err := toCursor[administration.Position](nil); err != nil || !last.IsNull() {
		t.Errorf("the last page: %v, %v", last, err)
	}

	for _, bad := range []string{"", "%", "bm90IEpTT04", "eyJpIjo3fQ", "eyJpIjoiXHUwMDAwIn0"} {
		_, err := cursorOf[administration.Position](&bad)

		refusal, ok := errors.AsType[*problem.Problem](err)
		if !ok || !errors.Is(refusal, problem.ErrInvalidRequest) || len(refusal.Fields) != 1 || refusal.Fields[0].Name != "?cursor" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestTimeOf(t *testing.T) {
	t.Parallel()

	good, bad := "2026-05-04T03:02:01.123+02:00", "2026-05-32T00:00:00Z"

	if got, err := timeOf("from", &good); err != nil || !got.Equal(time.Date(2026, time.May, 4, 1, 2, 1, 123_000_000, time.UTC)) {
		t.Errorf("%s: %v, %v", good, got, err)
	}

	if got, err := timeOf("from", nil); err != nil || got != nil {
		t.Errorf("none: %v, %v", got, err)
	}

	if _, err := timeOf("from", &bad); !errors.Is(err, problem.ErrInvalidRequest) {
		t.Errorf("%s: %v", bad, err)
	}
}

func TestLimitOf(t *testing.T) {
	t.Parallel()

	seven := 7
	if limitOf(nil) != defaultLimit || limitOf(&seven) != 7 {
		t.Errorf("%d, %d", limitOf(nil), limitOf(&seven))
	}
}
