package delivery

import (
	"log/slog"
	"regexp"
	"sync"
	"time"
)

// Outcome is how an attempt ended, for metrics.
type Outcome string

// The outcomes.
const (
	Sent    Outcome = "sent"
	Retried Outcome = "retried" // it failed, and is repeated
	Refused Outcome = "refused" // for good, by the other side
	Expired Outcome = "expired" // before it could be sent
	Dropped Outcome = "dropped" // there was nothing to send, such as a code to reset the password of no account
)

// Outcomes are all of them.
func Outcomes() []Outcome { return []Outcome{Sent, Retried, Refused, Expired, Dropped} }

// reportEvery is the minimum time between two lines of one channel about the same outcome: while a mail server is away
// every message fails.
const reportEvery = time.Minute

// reporter counts outcomes, and logs those that an operator must know.
type reporter struct {
	count func(Channel, Outcome)
	log   *slog.Logger
	now   func() time.Time

	mu    sync.Mutex
	lines map[line]*silence
	away  map[Channel]bool // the last attempt failed
}

type line struct {
	channel Channel
	outcome Outcome
}

// silence is how long a line was not logged, and how often.
type silence struct {
	since time.Time
	times int
}

func newReporter(count func(Channel, Outcome), log *slog.Logger, now func() time.Time) *reporter {
	return &reporter{count: count, log: log, now: now, lines: map[line]*silence{}, away: map[Channel]bool{}}
}

func (r *reporter) sent(channel Channel) {
	r.count(channel, Sent)

	r.mu.Lock()
	was := r.away[channel]
	r.away[channel] = false
	r.mu.Unlock()

	if was {
		r.log.Info("messages are sent again", "channel", string(channel))
	}
}

func (r *reporter) dropped(channel Channel) { r.count(channel, Dropped) }

func (r *reporter) retried(message Outgoing, reason string) {
	r.mu.Lock()
	r.away[message.Channel] = true
	r.mu.Unlock()

	r.warn(message, Retried, "a message could not be sent; it is repeated", reason)
}

func (r *reporter) refused(message Outgoing, reason string) {
	r.warn(message, Refused, "a message was refused for good", reason)
}

func (r *reporter) expired(message Outgoing, reason string) {
	r.warn(message, Expired, "a message was not sent", reason)
}

// warn names the delivery, which the console finds, and not its recipient.
func (r *reporter) warn(message Outgoing, outcome Outcome, text, reason string) {
	r.count(message.Channel, outcome)

	more, due := r.due(line{message.Channel, outcome})
	if !due {
		return
	}

	r.log.Warn(text, "channel", string(message.Channel), "kind", string(message.Kind), "delivery", message.ID,
		"error", withoutRecipient(reason, message.To), "more_since_last_line", more)
}

// due reports whether the line may be logged now, and how many of its kind were not logged since the last one.
func (r *reporter) due(l line) (more int, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()

	last, known := r.lines[l]
	if known && r.now().Sub(last.since) < reportEvery {
		last.times++

		return 0, false
	}

	if known {
		more = last.times
	}

	r.lines[l] = &silence{since: r.now()}

	return more, true
}

// withoutRecipient returns the reason without the recipient's address, which mail servers quote.
func withoutRecipient(reason, recipient string) string {
	if recipient == "" {
		return reason
	}

	return regexp.MustCompile("(?i)"+regexp.QuoteMeta(recipient)).ReplaceAllLiteralString(reason, "[recipient]")
}
