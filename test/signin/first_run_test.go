package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// resign leaves the gateway without an administrator, as nobody can by way of it.
func (d *desk) resign(tb testing.TB) {
	tb.Helper()
	d.Exec(tb, "UPDATE account SET member_group = 'None'")
}

// firstRunToken is the token of a new link, which the operator's command makes.
func firstRunToken(tb testing.TB, env *apptest.Env) string {
	tb.Helper()

	link, err := app.FirstRunLink(tb.Context(), env.Config)
	if err != nil {
		tb.Fatal(err)
	}

	token, found := strings.CutPrefix(link, "https://gateway.test/first_run?token=")
	if !found || len(token) != 44 {
		tb.Fatalf("the link is %q", link)
	}

	return token
}

const founder = "founder@konec.com.au"

// founding is the form as it is filled in rightly, but for some values.
func founding(token string, changes map[string]string) call {
	form := url.Values{"token": {token}, "email": {founder}, "name": {"Ada"}, "password": {apptest.Password}, "repeat": {apptest.Password}}
	for name, value := range changes {
		form.Set(name, value)
	}

	return call{method: http.MethodPost, path: "/first_run", body: form.Encode()}.
		with("Content-Type", "application/x-www-form-urlencoded").
		with("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8").with("Accept-Language", "en").
		with("Origin", "https://gateway.test").with("Sec-Fetch-Site", "same-origin")
}

func firstRunPage(query string) call {
	return call{method: http.MethodGet, path: "/first_run", query: query}.with("Accept-Language", "en").with("Sec-Fetch-Site", "none")
}

const (
	firstRunCreated = "https://gateway.test/first_run?created=true"
	firstRunInvalid = "https://gateway.test/first_run?error=CODE_INVALID"
)

func fillsInBadly(tb testing.TB, d *desk, _ operation) call {
	return founding(firstRunToken(tb, d.Env), map[string]string{"repeat": "another"})
}

func withSomeToken(_ testing.TB, d *desk, o operation) call {
	c := d.call(o)
	c.query = "token=" + strings.Repeat("A", 44)

	return c
}

// Whoever has the link makes the first administrator, once, and signs in.
func TestFirstRun(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	token := firstRunToken(t, env)

	for range 2 { // opening it changes nothing
		page := firstRunPage("token="+token).to(t, env.Server)
		if page.status != http.StatusOK || strings.Count(string(page.body), "<form") != 1 || !strings.Contains(string(page.body), token) {
			t.Fatalf("the page: %s", page)
		}
	}

	made := founding(token, map[string]string{"email": "  Founder@KONEC.com.au "}).to(t, env.Server)
	if made.status != http.StatusSeeOther || made.header.Get("Location") != firstRunCreated {
		t.Fatalf("made: %s %s", made, made.header["Location"])
	}

	done := firstRunPage("created=true").to(t, env.Server)
	if !strings.Contains(string(done.body), `<a href="/console">`) || strings.Contains(string(done.body), "<form") {
		t.Errorf("where to sign in: %s", done)
	}

	me, err := env.Client.GetAdministratorWithResponse(t.Context(), apptest.Bearer(env.SignIn(t, founder).AccessToken))
	if err != nil || me.JSON200 == nil || me.JSON200.Account.MemberGroup != groupAdmin || me.JSON200.Account.Name != "Ada" || len(me.JSON200.Rights) != len(group.All) {
		t.Fatalf("the administrator: %v %s", err, me.Body)
	}

	event := found[string](t, env.Pool, `SELECT concat_ws(' ', account_id = $1, coalesce(actor_id, 'nobody'), subject, detail ->> 'group')
		FROM audit_event WHERE action = 'account.created'`, me.JSON200.Account.ID)
	if event != "t nobody "+founder+" Admin" {
		t.Errorf("written down: %s", event)
	}

	again := founding(token, map[string]string{"email": "again@konec.com.au"}).to(t, env.Server)
	if again.header.Get("Location") != firstRunInvalid || found[int](t, env.Pool, "SELECT count(*) FROM account") != 1 {
		t.Errorf("used again: %s %s", again, again.header["Location"])
	}

	if link, err := app.FirstRunLink(t.Context(), env.Config); link != "" || err != nil {
		t.Errorf("another link beside an administrator: %q %v", link, err)
	}

	// Not even where there is none any more.
	if _, err := env.Pool.Exec(t.Context(), "UPDATE account SET member_group = 'None'"); err != nil {
		t.Fatal(err)
	}

	again = founding(token, map[string]string{"email": "again@konec.com.au"}).to(t, env.Server)
	if again.header.Get("Location") != firstRunInvalid || found[int](t, env.Pool, "SELECT count(*) FROM account") != 1 {
		t.Errorf("used again, without an administrator: %s %s", again, again.header["Location"])
	}

	if strings.Contains(env.Log.String(), token) {
		t.Error("the log has the token")
	}
}

// The database has no more of the link than its digest.
func TestFirstRunTokenIsNotStored(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	token := firstRunToken(t, env)

	if row := found[string](t, env.Pool, "SELECT code::text FROM code WHERE purpose = 'first-run'"); strings.Contains(row, token[:22]) || strings.Contains(row, token[22:]) {
		t.Errorf("stored as %s", row)
	}
}

// Whatever is no link that is good now has one page, and makes nobody.
func TestFirstRunLinkIsVoid(t *testing.T) {
	t.Parallel()

	nothing := ""

	for name, spoil := range map[string]func(t *testing.T, env *apptest.Env, token string) (spoilt string){
		"AfterADay": func(_ *testing.T, env *apptest.Env, token string) string {
			env.Clock.Advance(24 * time.Hour)

			return token
		},
		"AfterANewerOne": func(t *testing.T, env *apptest.Env, token string) string {
			t.Helper()
			firstRunToken(t, env)

			return token
		},
		"WhereThereIsAnAdministrator": func(t *testing.T, env *apptest.Env, token string) string {
			t.Helper()
			env.Account(t, administrator)

			if err := env.SetGroup(t.Context(), administrator, groupAdmin); err != nil {
				t.Fatal(err)
			}

			return token
		},
		"WhereItIsAltered": func(_ *testing.T, _ *apptest.Env, token string) string { return strings.Repeat("A", 22) + token[22:] },
		"WhereItIsCutOff":  func(_ *testing.T, _ *apptest.Env, token string) string { return token[:22] },
		"WhereThereIsNone": func(t *testing.T, env *apptest.Env, token string) string {
			t.Helper()

			if _, err := env.Pool.Exec(t.Context(), "DELETE FROM code"); err != nil {
				t.Fatal(err)
			}

			return token
		},
	} {
		t.Run(name, func(t *testing.T) {
			env := apptest.New(t)
			token := spoil(t, env, firstRunToken(t, env))
			before := found[int](t, env.Pool, "SELECT count(*) FROM account")

			for _, query := range []string{"token=" + token, "", "error=CODE_INVALID"} {
				page := firstRunPage(query).to(t, env.Server)
				if nothing == "" {
					nothing = string(page.body)
				}

				if page.status != http.StatusOK || string(page.body) != nothing || strings.Contains(nothing, "<form") {
					t.Errorf("%s: %s", query, page)
				}
			}

			// Nor does it tell what else is wrong.
			for _, changes := range []map[string]string{nil, {"password": "short", "repeat": "short"}, {"repeat": "another"}, {"email": "nobody"}, {"email": administrator}} {
				if got := founding(token, changes).to(t, env.Server); got.status != http.StatusSeeOther || got.header.Get("Location") != firstRunInvalid {
					t.Errorf("%v: %s %s", changes, got, got.header["Location"])
				}
			}

			if after := found[int](t, env.Pool, "SELECT count(*) FROM account"); after != before {
				t.Errorf("%d accounts, before %d", after, before)
			}
		})
	}
}

// An administrator who may not sign in is none, so that the gateway can be taken up again.
func TestFirstRunAfterTheLastAdministratorIsGone(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, administrator)

	if _, err := env.Pool.Exec(t.Context(), "UPDATE account SET member_group = 'Admin', status = 'disabled'"); err != nil {
		t.Fatal(err)
	}

	if got := founding(firstRunToken(t, env), nil).to(t, env.Server); got.header.Get("Location") != firstRunCreated {
		t.Errorf("made: %s %s", got, got.header["Location"])
	}
}

// What is wrong with the form is said at its field; the rest stays filled in, and the link stays good.
func TestFirstRunShowsWhatIsWrong(t *testing.T) {
	t.Parallel()

	env := apptest.New(t, func(c *config.Config) { c.EmailDomains = []string{"konec.com.au"} })
	env.Account(t, owner)

	token := firstRunToken(t, env)
	o := operationNamed("createFirstAdministrator")

	for name, one := range map[string]struct {
		changes map[string]string
		faults  map[string]string // by field
	}{
		"PasswordIsShort":       {map[string]string{"password": "kX7", "repeat": "kX7"}, map[string]string{"password": "The password is too short."}},
		"PasswordIsCommon":      {map[string]string{"password": "password1", "repeat": "password1"}, map[string]string{"password": "This password is too common and easily guessed."}},
		"PasswordIsTheName":     {map[string]string{"name": "Lovelace", "password": "lovelace1", "repeat": "lovelace1"}, map[string]string{"password": "The password is too close to the account or the product&#39;s name."}},
		"PasswordsDiffer":       {map[string]string{"repeat": "another horse"}, map[string]string{"repeat": "The two passwords are not the same."}},
		"NothingIsFilledIn":     {map[string]string{"email": " ", "name": " "}, map[string]string{"email": "is not a valid e-mail address", "name": "cannot be a name: one line of up to 64 characters, no control characters"}},
		"AddressIsNone":         {map[string]string{"email": `"><b>@x`}, map[string]string{"email": "is not a valid e-mail address"}},
		"AddressIsTaken":        {map[string]string{"email": owner}, map[string]string{"email": "This e-mail address belongs to another account."}},
		"AddressIsElsewhere":    {map[string]string{"email": "ada@example.com"}, map[string]string{"email": "This e-mail address may not register here."}},
		"NameHidesItsDirection": {map[string]string{"name": "A\u202e<b>"}, map[string]string{"name": "cannot be a name: one line of up to 64 characters, no control characters"}},
	} {
		got := founding(token, one.changes).to(t, env.Server)
		if got.status != http.StatusOK {
			t.Errorf("%s: %s", name, got)

			continue
		}

		checkHeaders(t, name, &o, got)

		if faults := faultsIn(string(got.body)); !maps.Equal(faults, one.faults) {
			t.Errorf("%s: blames %q, want %q", name, faults, one.faults)
		}

		filled := map[string]string{"email": founder, "name": "Ada", "token": token}
		for field := range filled {
			if changed, is := one.changes[field]; is {
				filled[field] = changed
			}

			if !strings.Contains(string(got.body), ` value="`+escaped(filled[field])+`"`) {
				t.Errorf("%s: %s is not kept: %s", name, field, got)
			}
		}

		if strings.Contains(string(got.body), apptest.Password) || strings.Contains(string(got.body), "<b>") || strings.Count(string(got.body), " autofocus") != 1 {
			t.Errorf("%s: %s", name, got)
		}
	}

	if got := found[int](t, env.Pool, "SELECT count(*) FROM account WHERE member_group = 'Admin'"); got != 0 {
		t.Errorf("%d administrators", got)
	}

	if got := founding(token, nil).to(t, env.Server); got.header.Get("Location") != firstRunCreated {
		t.Errorf("the link afterwards: %s", got)
	}
}

// escaped is a text as an attribute of a page has it.
func escaped(text string) string {
	return strings.NewReplacer(`"`, "&#34;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// faultsIn are what the page says of its fields.
func faultsIn(page string) map[string]string {
	faults := map[string]string{}

	for part := range strings.SplitSeq(page, `<p class="fault" id="`) {
		if name, rest, found := strings.Cut(part, `-note">`); found && !strings.Contains(name, "<") {
			faults[name], _, _ = strings.Cut(rest, "</p>")
		}
	}

	return faults
}

// Of many at once, through two gateways, one becomes the administrator.
func TestRaceForFirstRun(t *testing.T) {
	t.Parallel()

	r := newRing(t)

	for round := range 4 {
		if _, err := r.Pool.Exec(t.Context(), "DELETE FROM account"); err != nil {
			t.Fatal(err)
		}

		token := firstRunToken(t, r.Env)

		var results [contenders]reply

		r.contend(func(i int, _ *client.ClientWithResponses) {
			results[i] = founding(token, map[string]string{"email": fmt.Sprintf("founder.%d@konec.com.au", i)}).to(t, r.gateways[i%2])
		})

		made := 0

		for i, got := range results {
			switch {
			case got.header.Get("Location") == firstRunCreated:
				made++
			case got.header.Get("Location") == firstRunInvalid, unavailable(got):
			default:
				t.Errorf("round %d: contender %d got %s", round, i, got)
			}
		}

		if accounts := found[int](t, r.Pool, "SELECT count(*) FROM account"); made != 1 || accounts != 1 {
			t.Errorf("round %d: %d were told so, and there are %d accounts", round, made, accounts)
		}
	}
}

// Whoever is made an administrator otherwise, in the same moment, is the only one.
func TestFirstRunMeetsAnotherAdministrator(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	token := firstRunToken(t, env)

	// Somebody is made an administrator, and has not committed yet.
	other, err := env.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback(t.Context())

	for _, statement := range []string{
		"SELECT FROM member_group WHERE name = 'Admin' FOR NO KEY UPDATE",
		`INSERT INTO account (id, email, name, member_group, status, created_at, updated_at)
		VALUES ('68ca4a3d0000000000000001', 'other@konec.com.au', 'Other', 'Admin', '` + string(account.Active) + `', now(), now())`,
	} {
		if _, err := other.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}

	answer := make(chan reply)
	go func() { answer <- founding(token, nil).to(t, env.Server) }()

	apptest.Eventually(t, "the other waits", func() bool {
		return found[int](t, env.Pool, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
	})

	if err := other.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}

	if got := <-answer; got.header.Get("Location") != firstRunInvalid {
		t.Errorf("got %s %s", got, got.header["Location"])
	}

	if administrators := found[int](t, env.Pool, "SELECT count(*) FROM account"); administrators != 1 {
		t.Errorf("%d administrators", administrators)
	}
}
