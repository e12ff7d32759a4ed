package privacy_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-A6, R-C8, R-L1, R-L3: every stored secret has its protected form.
func TestStoredSecretsHaveTheirForm(t *testing.T) {
	t.Parallel()

	mail := world.NewMailGateway(t, apptest.StandardHashes)
	mail.Send(t, "one@konec.test")
	mail.ExpectRegistered(t, "one@konec.test", mail.AwaitMails(t, "one@konec.test", 1)[0])
	mail.SignIn(t, "one@konec.test")
	mail.AwaitOutcome(t, "one@konec.test")
	mail.Sink.Set(smtptest.Busy)
	mail.Send(t, "two@konec.test")
	mail.AwaitAttempts(t, "two@konec.test", 1)

	g := world.GatewayOn(t, mail.Env)
	g.BindAuthenticator(t, g.OwnerBrowser)
	world.RecoveryCode(t, g.OwnerBrowser)
	g.PendingAuthenticator(t, g.OwnerBrowser)
	world.RefreshCode(t, g.OwnerBrowser)
	world.ExpectStatus(t, g, world.EmailCall("three@konec.test", "").FromBrowser(g.OwnerBrowser), http.StatusNoContent, "asking for another address")

	for what, query := range map[string]string{
		"password hashes":           `SELECT count(*), count(*) FILTER (WHERE password_hash ~ '^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$') FROM account`,
		"digests of codes":          `SELECT count(*), count(*) FILTER (WHERE octet_length(digest) = 32 AND key_id = CASE WHEN purpose IN ('renewal', 'email-link') THEN 0 ELSE 1 END) FROM code`,
		"digests of devices":        `SELECT count(*), count(*) FILTER (WHERE octet_length(digest) = 32) FROM device`,
		"digests of cookies":        `SELECT count(*), count(*) FILTER (WHERE octet_length(digest) = 32) FROM session_cookie`,
		"recovery codes":            `SELECT count(*), count(*) FILTER (WHERE octet_length(digest) = 32 AND key_id = 1) FROM recovery_code`,
		"secrets of apps":           `SELECT count(*), count(*) FILTER (WHERE get_byte(secret, 0) = 1 AND octet_length(secret) = 1 + 12 + 20 + 16) FROM totp`,
		"secrets that wait":         `SELECT count(*), count(*) FILTER (WHERE get_byte(url, 0) = 1 AND octet_length(url) > 1 + 12 + 16) FROM totp_pending`,
		"payloads that wait":        `SELECT count(*), count(*) FILTER (WHERE get_byte(payload, 0) = 1 AND octet_length(payload) > 1 + 12 + 16) FROM delivery WHERE state = 'queued'`,
		"payloads that are erased":  `SELECT count(*), count(*) FILTER (WHERE payload IS NULL) FROM delivery WHERE state <> 'queued'`,
		"private keys":              `SELECT count(*), count(*) FILTER (WHERE get_byte(private_key, 0) = 1 AND octet_length(private_key) = 1 + 12 + 32 + 16) FROM signing_key`,
		"jobs that name a row only": `SELECT count(*), count(*) FILTER (WHERE args::text ~ '^\{"deliveryId": "[A-Za-z0-9_-]{22}"\}$') FROM river_job WHERE kind = 'delivery'`,
	} {
		var rows, good int
		if err := g.Pool.QueryRow(t.Context(), query).Scan(&rows, &good); err != nil || rows == 0 || good != rows {
			t.Errorf("%s: %d of %d, %v", what, good, rows, err)
		}
	}

	// No column may hold anything else: a new one has to be reviewed, and added here or above.
	var columns []string

	err := g.Pool.QueryRow(t.Context(), `
		SELECT array_agg(table_name || '.' || column_name ORDER BY 1) FROM (
			SELECT table_name, column_name FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name NOT LIKE 'river%' AND (data_type = 'bytea' OR column_name ~ 'hash|token|secret|code|digest|password|key')
			ORDER BY 1, 2) c`).Scan(&columns)
	if err != nil {
		t.Fatal(err)
	}

	const known = "account.password_hash account_import.digest audit_checkpoint.key_id audit_checkpoint.mac audit_link.hash " +
		"code.digest code.key_id delivery.payload device.digest device.previous_digest failure.key idempotency_key.fingerprint idempotency_key.key " +
		"recovery_code.digest recovery_code.key_id session_cookie.digest signing_key.private_key signing_key.public_key throttle.key totp.secret totp_pending.url totp_replaced.secret " +
		"webhook.previous_secret webhook.sealed_url webhook.secret"
	if got := strings.Join(columns, " "); got != known {
		t.Errorf("columns %s", got)
	}
}

// R-D7, T-29: a sealed value that is moved to another row does not open there, and nothing is sent.
func TestSwappedCiphertextDoesNotOpen(t *testing.T) {
	t.Parallel()

	g := world.NewMailGateway(t)
	g.Sink.Set(smtptest.Busy)

	for _, email := range []string{"one@konec.test", "two@konec.test"} {
		g.Send(t, email)
		g.AwaitAttempts(t, email, 1)
	}

	g.Exec(t, `
		UPDATE delivery d SET payload = o.payload FROM delivery o
		WHERE d.recipient IN ('one@konec.test', 'two@konec.test') AND o.recipient IN ('one@konec.test', 'two@konec.test') AND o.id <> d.id`)

	for _, email := range []string{"one@konec.test", "two@konec.test"} {
		if found := g.AwaitOutcome(t, email); found.State != "refused" || !strings.Contains(found.LastError, "cannot be opened") {
			t.Errorf("%s: %+v", email, found)
		}
	}

	g.Sink.Set(smtptest.Accepts)

	if sent := g.Sink.Messages(); len(sent) != 0 {
		t.Errorf("sent: %s", sent[0].Data)
	}
}

// R-L3, R-N2: the payload of an expired mail is erased too, though no worker has read it.
func TestExpiredPayloadIsErased(t *testing.T) {
	t.Parallel()

	g := world.NewMailGateway(t)
	g.Sink.Set(smtptest.Busy)
	g.Send(t, ownerEmail)
	g.AwaitAttempts(t, ownerEmail, 1)
	g.Clock.Advance(code.Registration.Lifetime + time.Second)
	g.RetryNow(t)

	if found := g.AwaitOutcome(t, ownerEmail); found.State != "expired" {
		t.Errorf("got %+v", found)
	}
}
