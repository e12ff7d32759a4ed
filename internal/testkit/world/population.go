package world

import (
	"encoding/base32"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// The classes of addresses that a stranger must not be able to tell apart. Each class with an account has a phone and an
// authenticator app too, unless its name says otherwise.
const (
	ClassUnknown      = "unknown"       // no account
	ClassPending      = "pending"       // no account; codes for every purpose have been sent
	classDestination  = "destination"   // no account; the address and phone that the class moving has asked for
	ClassGuessed      = "guessed"       // no account; as many failed guesses as the class locked
	ClassVerified     = "verified"      // an ordinary account
	ClassExpecting    = "expecting"     // codes of every purpose have been sent
	ClassDisabled     = "disabled"      // disabled by an administrator
	classLocked       = "locked"        // one wrong password more than is free of delay
	ClassWithoutTOTP  = "without-totp"  // no authenticator app
	ClassWithoutPhone = "without-phone" // no phone
	classMoving       = "moving"        // has asked for another address and another phone
	ClassPasswordless = "passwordless"  // no password
)

// The classes by whether they have an account, and all of them.
var (
	WithoutAccount = []string{ClassUnknown, ClassPending, classDestination, ClassGuessed}
	WithAccount    = []string{ClassVerified, ClassExpecting, ClassDisabled, classLocked, ClassWithoutTOTP, ClassWithoutPhone, classMoving, ClassPasswordless}
	Classes        = slices.Concat(WithoutAccount, WithAccount)
)

// AddressOfClass returns the address of a class.
func AddressOfClass(class string) string { return class + "@konec.test" }

// PhoneOfClass returns the phone of a class. It is bound if the class has an account with a phone.
func PhoneOfClass(class string) string {
	return fmt.Sprintf("+86137%08d", slices.Index(Classes, class))
}

// Population is a gateway with an account of every class, and a visitor who belongs to none. Its clock is stopped.
type Population struct {
	*Gateway

	ids     map[string]string // account ids, by class
	Secrets map[string]string // secrets of the authenticator apps, by class
}

// NewPopulation starts a gateway and brings every class into its state.
func NewPopulation(tb testing.TB, change ...func(*apptest.Settings)) *Population {
	tb.Helper()

	change = append([]func(*apptest.Settings){WithManyNetworkFailures, func(c *apptest.Settings) { c.NetworkSends = 10_000 }}, change...)
	p := &Population{Gateway: &Gateway{Env: apptest.New(tb, change...)}, ids: map[string]string{}, Secrets: map[string]string{}}
	p.Clock.Stop()
	p.Visitor = p.Browser(tb)
	p.Visitor.Load(tb)

	for _, class := range WithAccount {
		p.ids[class] = p.Account(tb, AddressOfClass(class)).ID

		if class != ClassWithoutPhone {
			p.Exec(tb, `UPDATE account SET phone = $1 WHERE id = $2`, PhoneOfClass(class), p.ids[class])
		}

		if class != ClassWithoutTOTP {
			p.bindAuthenticator(tb, class)
		}
	}

	for _, class := range []string{ClassPending, ClassExpecting} {
		for _, purpose := range []code.Purpose{code.Registration, code.Reset, code.SignInMail} {
			p.PlantCode(tb, purpose, AddressOfClass(class), "111111")
		}

		p.PlantCode(tb, code.SignIn, PhoneOfClass(class), "111111")
	}

	p.requestMoves(tb)
	p.Exec(tb, `UPDATE account SET status = 'disabled' WHERE id = $1`, p.ids[ClassDisabled])
	p.Exec(tb, `UPDATE account SET password_hash = NULL WHERE id = $1`, p.ids[ClassPasswordless])

	for range FreeFailures + 1 {
		for _, class := range []string{classLocked, ClassGuessed} {
			LoginCall(AddressOfClass(class), "wrong").To(tb, p.Server)
		}
	}

	p.AwaitMessages(tb)

	return p
}

func (p *Population) keys(tb testing.TB) *keyring.Keyring {
	tb.Helper()

	keys, err := keyring.Parse(p.Config.MasterKey)
	if err != nil {
		tb.Fatal(err)
	}

	return keys
}

// bindAuthenticator binds an authenticator app to the account of a class.
func (p *Population) bindAuthenticator(tb testing.TB, class string) {
	tb.Helper()

	secret := fmt.Appendf(nil, "%-20s", class)
	p.Secrets[class] = base32.StdEncoding.EncodeToString(secret)

	p.Exec(tb, `INSERT INTO totp (account_id, id, secret, last_step, bound_at) VALUES ($1, 'app', $2, 0, $3)`,
		p.ids[class], p.keys(tb).Seal(secret, factor.Name, "secret", p.ids[class], "app"), p.Clock.Now())
}

// PlantCode stores a code that the test knows, as if it had just been sent.
func (p *Population) PlantCode(tb testing.TB, purpose code.Purpose, subject, plain string) {
	tb.Helper()

	keys := p.keys(tb)
	digest, _ := keys.Digest(keys.Current(), "code", purpose.Name, subject, plain)

	p.Exec(tb, `
		INSERT INTO code (purpose, subject, key_id, digest, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (purpose, subject) DO UPDATE SET digest = excluded.digest, attempts = 0, expires_at = excluded.expires_at`,
		purpose.Name, subject, int16(keys.Current()), digest, p.Clock.Now(), p.Clock.Now().Add(purpose.Lifetime))
}

// requestMoves requests another address and another phone for the class moving.
func (p *Population) requestMoves(tb testing.TB) {
	tb.Helper()

	browser := p.SignedIn(tb, AddressOfClass(classMoving))

	for _, one := range []Call{EmailCall(AddressOfClass(classDestination), ""), PhoneCodeCall(PhoneOfClass(classDestination))} {
		if got := one.FromBrowser(browser).To(tb, p.Server); got.Status != http.StatusNoContent {
			tb.Fatalf("%s: %s", one.Path, got)
		}
	}
}

// HoldMessages makes messages wait until ReleaseMessages. The worker's statements after a response would otherwise count
// for the classes with an account only.
func (p *Population) HoldMessages(tb testing.TB) {
	tb.Helper()
	p.AwaitMessages(tb)

	p.Exec(tb, `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN NEW.state = 'scheduled'; NEW.scheduled_at = now() + interval '10 years'; RETURN NEW; END $$`)
	p.Exec(tb, `CREATE TRIGGER hold BEFORE INSERT ON river_job FOR EACH ROW WHEN (NEW.kind = 'delivery') EXECUTE FUNCTION hold()`)
}

// ReleaseMessages sends the messages that were held and waits for their outcome.
func (p *Population) ReleaseMessages(tb testing.TB) {
	tb.Helper()
	p.Exec(tb, `DROP FUNCTION hold CASCADE`)
	p.Exec(tb, `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'scheduled'`)
	p.AwaitMessages(tb)
}

// AwaitMessages waits until every message has reached its final state.
func (p *Population) AwaitMessages(tb testing.TB) {
	tb.Helper()
	apptest.Eventually(tb, "the outcome of every message", func() bool {
		var waiting int
		if err := p.Pool.QueryRow(tb.Context(), `SELECT count(*) FROM delivery WHERE state = 'queued'`).Scan(&waiting); err != nil {
			tb.Fatal(err)
		}

		return waiting == 0
	})
}

// WithoutMaintenance returns the statements that a call caused, without those of background jobs.
func WithoutMaintenance(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		for _, prefix := range []string{"AuditUnsealed", "AuditLink", "AuditCheckpoint", "AuditCountAdvance", "Webhook"} {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}

		return strings.HasSuffix(name, "Clean") || strings.HasPrefix(name, "SigningKey") || name == "DeliveryAbandon" ||
			slices.Contains([]string{"AccountErase", "AccountWithoutSearch", "AccountFillSearch"}, name)
	})
}
