package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river/rivertype"
)

// passOver is how long new messages go to the second provider at once after the first has failed.
const passOver = 30 * time.Second

// holder is the provider that may have accepted a message although it did not say so: its response was lost.
type holder string

const (
	noProvider     holder = ""
	firstProvider  holder = "the first provider"
	secondProvider holder = "the second provider"
)

// mayHaveIt is how the errors of a lost response end. River keeps the errors of a job, and so the next attempt, at
// whatever server, finds the holder in them.
const mayHaveIt = " may have accepted it"

// fallback sends by a second provider what the first has not accepted. A message that one of them may have accepted
// stays with it, or the user would get it twice, and the operator pay twice. New messages do not wait for that: they
// go to the other provider at once for a while.
type fallback struct {
	first, second Sender
	now           func() time.Time

	mu    sync.Mutex
	until time.Time // the first provider is passed over
}

// NewFallback returns a Sender that uses the second provider while the first fails.
func NewFallback(first, second Sender, now func() time.Time) Sender {
	return &fallback{first: first, second: second, now: now}
}

// Send makes one attempt, at one provider or at both.
func (f *fallback) Send(ctx context.Context, message Outgoing) error {
	switch {
	case message.Holder == firstProvider:
		return f.byFirst(ctx, message)
	case message.Holder == secondProvider:
		return held(secondProvider, f.second.Send(ctx, message))
	case f.passedOver():
		return f.inOrder(ctx, message, f.bySecond, f.byFirst)
	}

	return f.inOrder(ctx, message, f.byFirst, f.bySecond)
}

// inOrder asks the second of the two only if the first of them certainly has not accepted the message.
func (f *fallback) inOrder(ctx context.Context, message Outgoing, send, other func(context.Context, Outgoing) error) error {
	err := send(ctx, message)
	if err == nil || !certain(err) {
		return err
	}

	otherErr := other(ctx, message)

	switch {
	case otherErr == nil:
		return nil
	case errors.Is(otherErr, ErrRefused) && !errors.Is(err, ErrRefused):
		// The one that is away may accept what the other refuses: a number abroad, for example.
		return notAccepted{fmt.Errorf("%w; and %s", err, otherErr.Error())}
	case errors.Is(err, ErrRefused) && !errors.Is(otherErr, ErrRefused):
		return fmt.Errorf("%s; and %w", err.Error(), otherErr)
	}

	return fmt.Errorf("%w; and %w", err, otherErr)
}

func (f *fallback) byFirst(ctx context.Context, message Outgoing) error {
	err := f.first.Send(ctx, message)
	f.remember(err)

	return held(firstProvider, err)
}

func (f *fallback) bySecond(ctx context.Context, message Outgoing) error {
	return held(secondProvider, f.second.Send(ctx, message))
}

func (f *fallback) passedOver() bool {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.now().Before(f.until)
}

// remember passes the first provider over after a failure. A refusal is about one message.
func (f *fallback) remember(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()

	switch {
	case err == nil:
		f.until = time.Time{}
	case !errors.Is(err, ErrRefused):
		f.until = f.now().Add(passOver)
	}
}

// held adds to the error of a lost response which provider may have the message.
func held(by holder, err error) error {
	switch {
	case err == nil:
		return nil
	case certain(err):
		return fmt.Errorf("%s: %w", by, err)
	}

	return fmt.Errorf("%s%s: %w", by, mayHaveIt, err)
}

// holderOf returns the provider that may have the message after the earlier attempts of its job.
func holderOf(row *rivertype.JobRow) holder {
	for _, one := range row.Errors {
		for _, by := range []holder{firstProvider, secondProvider} {
			if strings.Contains(one.Error, string(by)+mayHaveIt) {
				return by
			}
		}
	}

	// An attempt without an error of its own ended with its server. The first provider is the likelier one.
	if len(row.Errors) < row.Attempt-1 {
		return firstProvider
	}

	return noProvider
}

// notAccepted marks an error after which the provider certainly does not have the message.
type notAccepted struct{ error }

func (n notAccepted) Unwrap() error { return n.error }

// certain reports whether the provider certainly has not accepted the message.
func certain(err error) bool {
	_, ok := errors.AsType[notAccepted](err)

	return ok || errors.Is(err, ErrRefused)
}
