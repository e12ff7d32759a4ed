package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"
)

var (
	errAway  = notAccepted{errors.New("webhook: status 503")}
	errLost  = errors.New("webhook: no answer: EOF")
	errNever = fmt.Errorf("%w: webhook: status 422", ErrRefused)
)

// scripted is a provider that responds as the test sets, and counts.
type scripted struct {
	err   error
	calls int
}

func (s *scripted) Send(context.Context, Outgoing) error {
	s.calls++

	return s.err
}

// A message goes to the second provider only if the first certainly has not accepted it.
func TestSecondProviderTakesOver(t *testing.T) {
	t.Parallel()

	for name, one := range map[string]struct {
		first, second error
		calls         [2]int
		sent, refused bool
		holder        holder // at the next attempt
	}{
		"FirstAccepts":          {nil, nil, [2]int{1, 0}, true, false, noProvider},
		"FirstIsAway":           {errAway, nil, [2]int{1, 1}, true, false, noProvider},
		"FirstRefuses":          {errNever, nil, [2]int{1, 1}, true, false, noProvider},
		"BothAreAway":           {errAway, errAway, [2]int{1, 1}, false, false, noProvider},
		"BothRefuse":            {errNever, errNever, [2]int{1, 1}, false, true, noProvider},
		"SecondRefuses":         {errAway, errNever, [2]int{1, 1}, false, false, noProvider},
		"SecondIsAway":          {errNever, errAway, [2]int{1, 1}, false, false, noProvider},
		"FirstMayHaveAccepted":  {errLost, nil, [2]int{1, 0}, false, false, firstProvider},
		"SecondMayHaveAccepted": {errAway, errLost, [2]int{1, 1}, false, false, secondProvider},
		"AfterARefusal":         {errNever, errLost, [2]int{1, 1}, false, false, secondProvider},
	} {
		first, second := &scripted{err: one.first}, &scripted{err: one.second}
		err := NewFallback(first, second, time.Now).Send(t.Context(), Outgoing{})

		if [2]int{first.calls, second.calls} != one.calls || (err == nil) != one.sent || errors.Is(err, ErrRefused) != one.refused {
			t.Errorf("%s: %d and %d calls, %v", name, first.calls, second.calls, err)
		}

		if err == nil {
			continue
		}

		row := &rivertype.JobRow{Attempt: 2, Errors: []rivertype.AttemptError{{Error: withoutSecrets(err)}}}
		if got := holderOf(row); got != one.holder {
			t.Errorf("%s: %q has it, want %q: %v", name, got, one.holder, err)
		}
	}
}

// A message that a provider may have accepted stays with it, also if it is known not to accept it now.
func TestMessageStaysWithItsHolder(t *testing.T) {
	t.Parallel()

	for _, err := range []error{nil, errAway, errLost, errNever} {
		first, second := &scripted{err: err}, &scripted{err: err}
		f := NewFallback(first, second, time.Now)

		_ = f.Send(t.Context(), Outgoing{Holder: firstProvider})
		if first.calls != 1 || second.calls != 0 {
			t.Errorf("%v: the first one's message: %d and %d calls", err, first.calls, second.calls)
		}

		_ = f.Send(t.Context(), Outgoing{Holder: secondProvider})
		if first.calls != 1 || second.calls != 1 {
			t.Errorf("%v: the second one's message: %d and %d calls", err, first.calls, second.calls)
		}
	}
}

// While the first provider fails, other messages do not wait for it.
func TestFailingProviderIsPassedOver(t *testing.T) {
	t.Parallel()

	now := time.Unix(0, 0)
	first, second := &scripted{err: errLost}, &scripted{}
	f := NewFallback(first, second, func() time.Time { return now })

	_ = f.Send(t.Context(), Outgoing{ID: "a"})

	if err := f.Send(t.Context(), Outgoing{ID: "b"}); err != nil || first.calls != 1 || second.calls != 1 {
		t.Errorf("%v, %d and %d calls", err, first.calls, second.calls)
	}

	now = now.Add(passOver)
	first.err = nil

	if err := f.Send(t.Context(), Outgoing{ID: "c"}); err != nil || first.calls != 2 || second.calls != 1 {
		t.Errorf("afterwards: %v, %d and %d calls", err, first.calls, second.calls)
	}

	// If the second one is away as well, the first is asked nevertheless.
	first.err = errAway
	_ = f.Send(t.Context(), Outgoing{ID: "d"})
	first.err, second.err = nil, errAway

	if err := f.Send(t.Context(), Outgoing{ID: "e"}); err != nil {
		t.Error(err)
	}
}

// An attempt that left no error ended with its server.
func TestHolderAfterAKill(t *testing.T) {
	t.Parallel()

	away := rivertype.AttemptError{Error: "the first provider: webhook: status 503"}

	for want, rows := range map[holder][]rivertype.JobRow{
		noProvider:    {{Attempt: 1}, {Attempt: 2, Errors: []rivertype.AttemptError{away}}},
		firstProvider: {{Attempt: 2}, {Attempt: 3, Errors: []rivertype.AttemptError{away}}},
	} {
		for _, row := range rows {
			if got := holderOf(&row); got != want {
				t.Errorf("%+v: got %q, want %q", row, got, want)
			}
		}
	}
}

// What a provider's failure says about the message.
func TestCertainFailures(t *testing.T) {
	t.Parallel()

	for status, want := range map[int]bool{302: true, 429: true, 500: true, 503: true, 422: true, 502: false, 504: false} {
		s := webhook(t, newProvider(t, answers(status, "")))

		if err := s.Send(t.Context(), sms(t, SignInCode, mainland)); err == nil || certain(err) != want {
			t.Errorf("%d: %v", status, err)
		}
	}

	for code, want := range map[string]bool{"FailedOperation.InsufficientBalanceInSmsPackage": true, "InternalError.Timeout": false, "LimitExceeded.PhoneNumberDailyLimit": true} {
		s := tencent(t, newProvider(t, answers(http.StatusOK, `{"Response":{"Error":{"Code":"`+code+`"},"RequestId":"r"}}`)))

		if err := s.Send(t.Context(), sms(t, SignInCode, mainland)); err == nil || certain(err) != want {
			t.Errorf("%s: %v", code, err)
		}
	}

	// No one listens: nothing was sent. The connection is cut: it may have been.
	for who, s := range senders(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }) {
		if err := s.Send(t.Context(), sms(t, SignInCode, mainland)); err == nil || certain(err) {
			t.Errorf("%s: a cut connection: %v", who, err)
		}

		s.provider.Close()

		if err := s.Send(t.Context(), sms(t, SignInCode, mainland)); err == nil || !certain(err) || strings.Contains(err.Error(), canaryPath) {
			t.Errorf("%s: no connection: %v", who, err)
		}
	}
}
