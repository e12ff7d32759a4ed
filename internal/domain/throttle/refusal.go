package throttle

import (
	"context"
	"errors"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// refusal is the cause of a limit's problem.ErrTooManyRequests: which limit, of which subject, and until when.
type refusal struct {
	limit, key string
	until      time.Time
}

// Error names the limit, but not its subject, which may be an address.
func (r *refusal) Error() string { return "throttle: " + r.limit }

// Refuse returns the error for a subject until the end of its window: problem.ErrTooManyRequests, with the time to
// wait.
func Refuse(now, until time.Time, limit, subject string) *problem.Problem {
	return problem.ErrTooManyRequests.WithRetryAfter(until.Sub(now)).WithCause(&refusal{limit: limit, key: limit + " " + subject, until: until})
}

// RecordRefusal records in the audit log that a limit refused a request, if err is that refusal, and returns err. It
// records one event for each wait of each subject, so that repeated requests do not fill the log. event names the user
// and the method.
func RecordRefusal(ctx context.Context, database *postgres.DB, now time.Time, err error, event audit.Event) error {
	r, ok := errors.AsType[*refusal](err)
	if !ok || errors.Is(err, problem.ErrUnavailable) { // an outage after a refusal is an outage
		return err
	}

	// To the second, and not before it ends.
	until := r.until.Add(time.Second - 1).Truncate(time.Second)

	event.Action = audit.LimitReached
	event.Detail = map[string]string{"limit": r.limit, "until": until.UTC().Format(time.RFC3339)}

	if untold := audit.RecordOnce(ctx, database, now, event, "told "+r.key, r.until); untold != nil {
		return untold
	}

	return err
}
