package problem

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

func TestProblem(t *testing.T) {
	t.Parallel()

	t.Run("DetailsLeaveTheDeclarationAlone", func(t *testing.T) {
		t.Parallel()

		cause := errors.New("connection refused by db.internal")
		told := ErrUnavailable.WithRetryAfter(3 * time.Second).WithCause(cause).WithFields(Field{Name: "/x"})

		if !errors.Is(told, ErrUnavailable) || !errors.Is(told, cause) || errors.Is(told, ErrInternal) {
			t.Errorf("%v is not what it was made of", told)
		}

		if ErrUnavailable.RetryAfter != 0 || ErrUnavailable.Unwrap() != nil || ErrUnavailable.Fields != nil {
			t.Errorf("the declaration became %+v", ErrUnavailable)
		}

		if wrapped := fmt.Errorf("wrapped: %w", told); !errors.Is(wrapped, ErrUnavailable) {
			t.Error("wrapping hides it")
		}
	})

	t.Run("CauseIsForTheLogOnly", func(t *testing.T) {
		t.Parallel()

		told := ErrInternal.WithCause(errors.New("secret"))
		if told.Error() != "INTERNAL: secret" || ErrInternal.Error() != "INTERNAL" {
			t.Errorf("log says %q", told.Error())
		}

		for _, l := range []language.Language{language.Chinese, language.English} {
			if told.Message(l) != ErrInternal.Message(l) {
				t.Errorf("the caller reads %q", told.Message(l))
			}
		}
	})

	t.Run("UnknownCodeIsNoProblem", func(t *testing.T) {
		t.Parallel()

		defer func() {
			if recover() == nil {
				t.Error("a code without a message was declared")
			}
		}()

		New(Invalid, "NO_SUCH_CODE")
	})
}

func TestEveryCodeHasBothMessages(t *testing.T) {
	t.Parallel()

	form := regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`)

	for _, code := range ErrorCodes() {
		text := messages[code]
		if !form.MatchString(code) || text.Chinese == "" || text.English == "" || text.Chinese == text.English {
			t.Errorf("%s: %+v", code, text)
		}
	}
}

// A code that another version of the server stored must not cause a panic.
func TestKept(t *testing.T) {
	t.Parallel()

	if got := Kept(Conflict, "VERSION_CONFLICT"); !errors.Is(got, ErrVersionConflict) || got.Kind != Conflict {
		t.Errorf("a known code became %v", got)
	}

	if got := Kept(Conflict, "CODE_OF_ANOTHER_VERSION"); !errors.Is(got, ErrInternal) {
		t.Errorf("an unknown code became %v", got)
	}
}
