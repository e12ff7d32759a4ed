//go:build battery

package cli_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
)

// R-N4, T-08: the mail of a server that is killed while sending it is sent by another server, within two minutes and the
// time until River checks.
func TestKilledSendIsTakenOver(t *testing.T) {
	t.Parallel()

	sink := smtptest.New(t, smtptest.Options{})
	sink.Set(smtptest.Hangs)

	gateway := newProgram(t).with("SMTP_URL", sink.URL())
	first, second := gateway.serve(t), gateway.serve(t)
	first.ready(t)
	second.ready(t)

	response, err := http.Post(first.url+"/api/users/register/send-code", "application/json", strings.NewReader(`{"email":"a@konec.test"}`))
	if err != nil {
		t.Fatal(err)
	}

	response.Body.Close()
	apptest.Eventually(t, "the send hangs", func() bool { return sink.Hanging() == 1 })

	// Either may run the job: both are killed, as if the machine failed.
	for _, one := range []*serving{first, second} {
		if err := one.process.Process.Kill(); err != nil {
			t.Fatal(err)
		}

		<-one.ended
	}

	killed := time.Now()

	sink.Set(smtptest.Accepts)
	gateway.serve(t).ready(t)

	for len(sink.To("a@konec.test")) == 0 {
		if time.Since(killed) > 150*time.Second {
			t.Fatal("no server took it over")
		}

		<-time.After(time.Second)
	}

	t.Logf("taken over %s after the kill", time.Since(killed).Round(time.Second))

	if n := len(sink.Messages()); n != 1 {
		t.Errorf("%d mails", n)
	}
}
