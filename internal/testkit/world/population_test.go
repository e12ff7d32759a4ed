package app_test

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
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// The kinds of people that no stranger may tell apart. Whoever has an account has a phone and an
// authenticator app with it, but for those whose name says otherwise.
const (
	classUnknown      = "unknown"       // no account
	classPending      = "pending"       // no account; codes of every purpose have been sent
	classGoal         = "goal"          // no account; what the account of moving is to have as its address and phone
	classHammered     = "hammered"      // no account; as many failures as locked
	classVerified     = "verified"      // an account like most
	classExpecting    = "expecting"     // codes of every purpose have been sent
	classDisabled     = "disabled"      // by an administrator
	classLocked       = "locked"        // one wrong password more than is free
	classWithoutTOTP  = "without-totp"  // no authenticator app
	classWithoutPhone = "without-phone" // no phone
	classMoving       = "moving"        // has asked for another address and another phone
	classPasswordless = "passwordless"  // no password
)

var (
	newcomers = []string{classUnknown, classPending, classGoal, classHammered}
	residents = []string{classVerified, classExpecting, classDisabled, classLocked, classWithoutTOTP, classWithoutPhone, classMoving, classPasswordless}
	classes   = slices.Concat(newcomers, residents)
)

func addressOfClass(class string) string { return class + "@konec.test" }

// phoneOfClass is bound to the class's account, if that has a phone.
func phoneOfClass(class string) string {
	return fmt.Sprintf("+86137%08d", slices.Index(classes, class))
}

// crowd is a gateway with an account of every class, seen by a visitor who is none of them. Its clock
// stands still.
type crowd struct {
	*desk

	ids     map[string]string // of the accounts, by class
	secrets map[string]string // of the authenticator apps, by class
}

func newCrowd(tb testing.TB, change ...func(*config.Config)) *crowd {
	tb.Helper()

	change = append([]func(*config.Config){manyFromOneNetwork, func(c *config.Config) { c.NetworkSends = 10_000 }}, change...)
	c := &crowd{desk: &desk{Env: apptest.New(tb, change...)}, ids: map[string]string{}, secrets: map[string]string{}}
	c.Clock.Stop()
	c.visitor = c.Browser(tb)
	c.visitor.Load(tb)

	for _, class := range residents {
		c.ids[class] = c.Account(tb, addressOfClass(class)).ID

		if class != classWithoutPhone {
			c.Exec(tb, `UPDATE account SET phone = $1 WHERE id = $2`, phoneOfClass(class), c.ids[class])
		}

		if class != classWithoutTOTP {
			c.equip(tb, class)
		}
	}

	for _, class := range []string{classPending, classExpecting} {
		for _, purpose := range []code.Purpose{code.Registration, code.Reset} {
			c.plant(tb, purpose, addressOfClass(class), "111111")
		}

		c.plant(tb, code.SignIn, phoneOfClass(class), "111111")
	}

	c.move(tb)
	c.Exec(tb, `UPDATE account SET status = 'disabled' WHERE id = $1`, c.ids[classDisabled])
	c.Exec(tb, `UPDATE account SET password_hash = NULL WHERE id = $1`, c.ids[classPasswordless])

	for range freeFailures + 1 {
		for _, class := range []string{classLocked, classHammered} {
			loginCall(addressOfClass(class), "wrong").to(tb, c.Server)
		}
	}

	c.settle(tb)

	return c
}

func (c *crowd) keys(tb testing.TB) *keyring.Keyring {
	tb.Helper()

	keys, err := keyring.Parse(c.Config.MasterKey)
	if err != nil {
		tb.Fatal(err)
	}

	return keys
}

// equip gives the class's account an authenticator app.
func (c *crowd) equip(tb testing.TB, class string) {
	tb.Helper()

	secret := fmt.Appendf(nil, "%-20s", class)
	c.secrets[class] = base32.StdEncoding.EncodeToString(secret)

	c.Exec(tb, `INSERT INTO totp (account_id, id, secret, last_step, bound_at) VALUES ($1, 'app', $2, 0, $3)`,
		c.ids[class], c.keys(tb).Seal(secret, factor.Name, "secret", c.ids[class], "app"), c.Clock.Now())
}

// plant lets a code wait that the test knows, as if it had just been sent.
func (c *crowd) plant(tb testing.TB, purpose code.Purpose, subject, plain string) {
	tb.Helper()

	keys := c.keys(tb)
	digest, _ := keys.Digest(keys.Current(), "code", purpose.Name, subject, plain)

	c.Exec(tb, `
		INSERT INTO code (purpose, subject, key_id, digest, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (purpose, subject) DO UPDATE SET digest = excluded.digest, attempts = 0, expires_at = excluded.expires_at`,
		purpose.Name, subject, int16(keys.Current()), digest, c.Clock.Now(), c.Clock.Now().Add(purpose.Lifetime))
}

// move lets the owner of moving ask for another address and another phone.
func (c *crowd) move(tb testing.TB) {
	tb.Helper()

	browser := c.SignedIn(tb, addressOfClass(classMoving))

	for _, one := range []call{emailCall(addressOfClass(classGoal), ""), phoneCodeCall(phoneOfClass(classGoal))} {
		if got := one.from(browser).to(tb, c.Server); got.status != http.StatusNoContent {
			tb.Fatalf("%s: %s", one.path, got)
		}
	}
}

// hold lets messages wait from now on: what a worker does after an answer is no part of it, and in vain where
// there is nobody.
func (c *crowd) hold(tb testing.TB) {
	tb.Helper()
	c.settle(tb)

	c.Exec(tb, `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN NEW.state = 'scheduled'; NEW.scheduled_at = now() + interval '10 years'; RETURN NEW; END $$`)
	c.Exec(tb, `CREATE TRIGGER hold BEFORE INSERT ON river_job FOR EACH ROW WHEN (NEW.kind = 'delivery') EXECUTE FUNCTION hold()`)
}

// release sends what was held.
func (c *crowd) release(tb testing.TB) {
	tb.Helper()
	c.Exec(tb, `DROP FUNCTION hold CASCADE`)
	c.Exec(tb, `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'scheduled'`)
	c.settle(tb)
}

// settle waits until every message has its last word.
func (c *crowd) settle(tb testing.TB) {
	tb.Helper()
	apptest.Eventually(tb, "the outcome of every message", func() bool {
		var waiting int
		if err := c.Pool.QueryRow(tb.Context(), `SELECT count(*) FROM delivery WHERE state = 'queued'`).Scan(&waiting); err != nil {
			tb.Fatal(err)
		}

		return waiting == 0
	})
}

// emailCall asks for another address; with a code it proves that it is one's own.
func emailCall(address, code string) call {
	values := map[string]string{"key": "email", "email": address}
	if code != "" {
		values["code"] = code
	}

	return jsonCall(http.MethodPatch, "/user", values)
}

// outside is everything of an answer that a stranger sees, but for what differs each time: of random
// values the length remains.
func (r reply) outside() string {
	header := r.header.Clone()
	header.Del("Date")
	header.Del("X-Request-Id")

	for i, line := range header["Set-Cookie"] {
		pair, attributes, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		header["Set-Cookie"][i] = fmt.Sprintf("%s=(%d characters);%s", name, len(value), attributes)
	}

	var seen bytes.Buffer

	fmt.Fprintln(&seen, r.status)
	_ = header.Write(&seen) // sorted by name

	body := r.body
	if r.problem.RequestID != "" {
		body = bytes.ReplaceAll(body, []byte(r.problem.RequestID), []byte("ID"))
	}

	seen.Write(body)

	return seen.String()
}

// withoutChores leaves the statements that somebody asked for.
func withoutChores(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		for _, chore := range []string{"AuditUnsealed", "AuditLink", "AuditCheckpoint", "AuditCountAdvance", "Webhook"} {
			if strings.HasPrefix(name, chore) {
				return true
			}
		}

		return strings.HasSuffix(name, "Clean") || strings.HasPrefix(name, "SigningKey") || name == "DeliveryAbandon" || name == "AccountErase"
	})
}
