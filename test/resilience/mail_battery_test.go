//go:build battery

package resilience_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// T-10: a real minute and many users. The mails arrive within the longest gap between two attempts, each once.
func TestCodesArriveOnceAfterAMinute(t *testing.T) {
	t.Parallel()

	const people = 20

	for name, conduct := range map[string]smtptest.Conduct{"NobodyAnswers": smtptest.Gone, "Busy": smtptest.Busy, "ShutsDown": smtptest.ShutsDown} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g := world.NewMailGateway(t)
			g.Sink.Set(conduct)

			address := func(i int) string { return fmt.Sprintf("person%d@konec.test", i) }
			for i := range people {
				g.Send(t, address(i))
			}

			<-time.After(time.Minute)

			if attempts := g.Sink.Attempts(); attempts < 4*people || attempts > 10*people {
				t.Errorf("%d attempts: the delays do not grow", attempts)
			}

			g.Sink.Set(smtptest.Accepts)

			<-time.After(15 * time.Second) // with the half minute below: 30 s and what River's own clock adds

			// The server closes connections that were idle for 75 s, perhaps at the moment one is used again.
			g.HTTP.Client().CloseIdleConnections()

			for i := range people {
				g.ExpectRegistered(t, address(i), g.AwaitMails(t, address(i), 1)[0])
			}

			apptest.Eventually(t, "every row is finished", func() bool {
				var queued int
				err := g.Pool.QueryRow(t.Context(), `SELECT count(*) FROM delivery WHERE state <> 'sent'`).Scan(&queued)

				return err == nil && queued == 0
			})

			if n := len(g.Sink.Messages()); n != people {
				t.Errorf("%d mails to %d users", n, people)
			}
		})
	}
}
