package delivery

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// IN-K8: messages that are not sent leave a line in the log, once a minute, without the recipient.
func TestFailuresAreLoggedOnceAMinute(t *testing.T) {
	t.Parallel()

	var log bytes.Buffer

	now := time.Unix(0, 0)
	counted := map[Outcome]int{}
	r := newReporter(func(_ Channel, o Outcome) { counted[o]++ }, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	message := Outgoing{ID: "an-id", Channel: Mail, Kind: ResetCode, To: "user@konec.test"}

	for range 100 {
		r.retried(message, "smtp: 451 <User@konec.test>: greylisted")
	}

	r.refused(message, "550 no such user")

	if lines := strings.Count(log.String(), "level=WARN"); lines != 2 || counted[Retried] != 100 || counted[Refused] != 1 {
		t.Errorf("%d lines, %v", lines, counted)
	}

	now = now.Add(reportEvery)
	r.retried(message, "again")
	r.sent(Mail)
	r.sent(Mail)

	text := log.String()
	if !strings.Contains(text, "more_since_last_line=99") || strings.Count(text, "messages are sent again") != 1 || strings.Count(text, "delivery=an-id") != 3 {
		t.Error(text)
	}

	if strings.Contains(strings.ToLower(text), "user@konec.test") || !strings.Contains(text, "greylisted") {
		t.Error(text)
	}
}
