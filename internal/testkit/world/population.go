package world

import (
	"bytes"
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

// The kinds of people that no stranger may tell apart. Whoever has an account has a phone and an
// authenticator app with it, but for those whose name says otherwise.
const (
	ClassUnknown      = "unknown"       // no account
	ClassPending      = "pending"       // no account; codes of every purpose have been sent
	classGoal         = "goal"          // no account; what the account of moving is to have as its address and phone
	ClassHammered     = "hammered"      // no account; as many failures as locked
	ClassVerified     = "verified"      // an account like most
	ClassExpecting    = "expecting"     // codes of every purpose have been sent
	ClassDisabled     = "disabled"      // by an administrator
	classLocked       = "locked"        // one wrong password more than is free
	ClassWithoutTOTP  = "without-totp"  // no authenticator app
	ClassWithoutPhone = "without-phone" // no phone
	classMoving       = "moving"        // has asked for another address and another phone
	ClassPasswordless = "passwordless"  // no password
)

var (
	WithoutAccount = []string{ClassUnknown, ClassPending, classGoal, ClassHammered}
	WithAccount    = []string{ClassVerified, ClassExpecting, ClassDisabled, classLocked, ClassWithoutTOTP, ClassWithoutPhone, classMoving, ClassPasswordless}
	Classes        = slices.Concat(WithoutAccount, WithAccount)
)

func AddressOfClass(class string) string { return class + "@konec.test" }

// PhoneOfClass is bound to the class's account, if that has a phone.
func PhoneOfClass(class string) string {
	return fmt.Sprintf("+86137%08d", slices.Index(Classes, class))
}

// Population is a gateway with an account of every class, seen by a visitor who is none of them. Its clock
// stands still.
type Population struct {
	*Gateway

	ids     map[string]string // of the accounts, by class
	Secrets map[string]string // of the authenticator apps, by class
}

func NewPopulation(tb testing.TB, change ...func(*apptest.Settings)) *Population {
	tb.Helper()

	change = append([]func(*apptest.Settings){WithManyNetworkFailures, func(c *apptest.Settings) { c.NetworkSends = 10_000 }}, change...)
	c := &Population{Gateway: &Gateway{Env: apptest.New(tb, change...)}, ids: map[string]string{}, Secrets: map[string]string{}}
	c.Clock.Stop()
	c.Visitor = c.Browser(tb)
	c.Visitor.Load(tb)

	for _, class := range WithAccount {
		c.ids[class] = c.Account(tb, AddressOfClass(class)).ID

		if class != ClassWithoutPhone {
			c.Exec(tb, `UPDATE account SET phone = $1 WHERE id = $2`, PhoneOfClass(class), c.ids[class])
		}

		if class != ClassWithoutTOTP {
			c.bindAuthenticator(tb, class)
		}
	}

	for _, class := range []string{ClassPending, ClassExpecting} {
		for _, purpose := range []code.Purpose{code.Registration, code.Reset} {
			c.PlantCode(tb, purpose, AddressOfClass(class), "111111")
		}

		c.PlantCode(tb, code.SignIn, PhoneOfClass(class), "111111")
	}

	c.requestMoves(tb)
	c.Exec(tb, `UPDATE account SET status = 'disabled' WHERE id = $1`, c.ids[ClassDisabled])
	c.Exec(tb, `UPDATE account SET password_hash = NULL WHERE id = $1`, c.ids[ClassPasswordless])

	for range FreeFailures + 1 {
		for _, class := range []string{classLocked, ClassHammered} {
			LoginCall(AddressOfClass(class), "wrong").To(tb, c.Server)
		}
	}

	c.Settle(tb)

	return c
}

func (c *Population) keys(tb testing.TB) *keyring.Keyring {
	tb.Helper()

	keys, err := keyring.Parse(c.Config.MasterKey)
	if err != nil {
		tb.Fatal(err)
	}

	return keys
}

// bindAuthenticator gives the class's account an authenticator app.
func (c *Population) bindAuthenticator(tb testing.TB, class string) {
	tb.Helper()

	secret := fmt.Appendf(nil, "%-20s", class)
	c.Secrets[class] = base32.StdEncoding.EncodeToString(secret)

	c.Exec(tb, `INSERT INTO totp (account_id, id, secret, last_step, bound_at) VALUES ($1, 'app', $2, 0, $3)`,
		c.ids[class], c.keys(tb).Seal(secret, factor.Name, "secret", c.ids[class], "app"), c.Clock.Now())
}

// PlantCode lets a code wait that the test knows, as if it had just been sent.
func (c *Population) PlantCode(tb testing.TB, purpose code.Purpose, subject, plain string) {
	tb.Helper()

	keys := c.keys(tb)
	digest, _ := keys.Digest(keys.Current(), "code", purpose.Name, subject, plain)

	c.Exec(tb, `
		INSERT INTO code (purpose, subject, key_id, digest, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (purpose, subject) DO UPDATE SET digest = excluded.digest, attempts = 0, expires_at = excluded.expires_at`,
		purpose.Name, subject, int16(keys.Current()), digest, c.Clock.Now(), c.Clock.Now().Add(purpose.Lifetime))
}

// requestMoves lets the owner of moving ask for another address and another phone.
func (c *Population) requestMoves(tb testing.TB) {
	tb.Helper()

	browser := c.SignedIn(tb, AddressOfClass(classMoving))

	for _, one := range []Call{EmailCall(AddressOfClass(classGoal), ""), PhoneCodeCall(PhoneOfClass(classGoal))} {
		if got := one.FromBrowser(browser).To(tb, c.Server); got.Status != http.StatusNoContent {
			tb.Fatalf("%s: %s", one.Path, got)
		}
	}
}

// Hold lets messages wait from now on: what a worker does after an answer is no part of it, and in vain where
// there is nobody.
func (c *Population) Hold(tb testing.TB) {
	tb.Helper()
	c.Settle(tb)

	c.Exec(tb, `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN NEW.state = 'scheduled'; NEW.scheduled_at = now() + interval '10 years'; RETURN NEW; END $$`)
	c.Exec(tb, `CREATE TRIGGER hold BEFORE INSERT ON river_job FOR EACH ROW WHEN (NEW.kind = 'delivery') EXECUTE FUNCTION hold()`)
}

// Release sends what was held.
func (c *Population) Release(tb testing.TB) {
	tb.Helper()
	c.Exec(tb, `DROP FUNCTION hold CASCADE`)
	c.Exec(tb, `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'scheduled'`)
	c.Settle(tb)
}

// Settle waits until every message has its last word.
func (c *Population) Settle(tb testing.TB) {
	tb.Helper()
	apptest.Eventually(tb, "the outcome of every message", func() bool {
		var waiting int
		if err := c.Pool.QueryRow(tb.Context(), `SELECT count(*) FROM delivery WHERE state = 'queued'`).Scan(&waiting); err != nil {
			tb.Fatal(err)
		}

		return waiting == 0
	})
}

// EmailCall asks for another address; with a code it proves that it is one's own.
func EmailCall(address, code string) Call {
	values := map[string]string{"key": "email", "email": address}
	if code != "" {
		values["code"] = code
	}

	return JSONCall(http.MethodPatch, "/user", values)
}

// Outside is everything of an answer that a stranger sees, but for what differs each time: of random
// values the length remains.
func (r Reply) Outside() string {
	header := r.Header.Clone()
	header.Del("Date")
	header.Del("X-Request-Id")

	for i, line := range header["Set-Cookie"] {
		pair, attributes, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		header["Set-Cookie"][i] = fmt.Sprintf("%s=(%d characters);%s", name, len(value), attributes)
	}

	var seen bytes.Buffer

	fmt.Fprintln(&seen, r.Status)
	_ = header.Write(&seen) // sorted by name

	body := r.Body
	if r.Problem.RequestID != "" {
		body = bytes.ReplaceAll(body, []byte(r.Problem.RequestID), []byte("ID"))
	}

	seen.Write(body)

	return seen.String()
}

// WithoutChores leaves the statements that somebody asked for.
func WithoutChores(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		for _, chore := range []string{"AuditUnsealed", "AuditLink", "AuditCheckpoint", "AuditCountAdvance", "Webhook"} {
			if strings.HasPrefix(name, chore) {
				return true
			}
		}

		return strings.HasSuffix(name, "Clean") || strings.HasPrefix(name, "SigningKey") || name == "DeliveryAbandon" || name == "AccountErase"
	})
}
