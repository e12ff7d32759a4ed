package signin_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

func firstRunPage(query string) world.Call {
	return world.Call{Method: http.MethodGet, Path: "/first_run", Query: query}.With("Accept-Language", "en").With("Sec-Fetch-Site", "none")
}

// The holder of the link creates the first administrator, once, and signs in.
func TestFirstRun(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	token := world.FirstRunToken(t, env)

	for range 2 { // opening the link changes nothing
		page := firstRunPage("token="+token).To(t, env.Server)
		if page.Status != http.StatusOK || strings.Count(string(page.Body), "<form") != 1 || !strings.Contains(string(page.Body), token) {
			t.Fatalf("the page: %s", page)
		}
	}

	made := world.FirstRunCall(token, map[string]string{"email": "  Founder@KONEC.com.au "}).To(t, env.Server)
	if made.Status != http.StatusSeeOther || made.Header.Get("Location") != world.FirstRunCreated {
		t.Fatalf("made: %s %s", made, made.Header["Location"])
	}

	done := firstRunPage("created=true").To(t, env.Server)
	if !strings.Contains(string(done.Body), `<a href="/console">`) || strings.Contains(string(done.Body), "<form") {
		t.Errorf("the page links to %s", done)
	}

	me, err := env.Client.GetAdministratorWithResponse(t.Context(), apptest.Bearer(env.SignIn(t, world.FirstAdministrator).AccessToken))
	if err != nil || me.JSON200 == nil || me.JSON200.Account.MemberGroup != world.GroupAdmin || me.JSON200.Account.Name != "Ada" || len(me.JSON200.Rights) != len(authority.All) {
		t.Fatalf("the administrator: %v %s", err, me.Body)
	}

	event := world.QueryValue[string](t, env.Pool, `SELECT concat_ws(' ', account_id = $1, coalesce(actor_id, 'none'), subject, detail ->> 'group')
		FROM audit_event WHERE action = 'account.created'`, me.JSON200.Account.ID)
	if event != "t none "+world.FirstAdministrator+" Admin" {
		t.Errorf("the audit event is %s", event)
	}

	again := world.FirstRunCall(token, map[string]string{"email": "again@konec.com.au"}).To(t, env.Server)
	if again.Header.Get("Location") != world.FirstRunInvalid || world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM account") != 1 {
		t.Errorf("used again: %s %s", again, again.Header["Location"])
	}

	if link, err := app.FirstRunLink(t.Context(), env.Config); link != "" || err != nil {
		t.Errorf("another link beside an administrator: %q %v", link, err)
	}

	// The link stays void even when there is no administrator any more.
	if _, err := env.Pool.Exec(t.Context(), "UPDATE account SET member_group = 'None'"); err != nil {
		t.Fatal(err)
	}

	again = world.FirstRunCall(token, map[string]string{"email": "again@konec.com.au"}).To(t, env.Server)
	if again.Header.Get("Location") != world.FirstRunInvalid || world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM account") != 1 {
		t.Errorf("used again, without an administrator: %s %s", again, again.Header["Location"])
	}

	if strings.Contains(env.Log.String(), token) {
		t.Error("the log has the token")
	}
}

// The database contains only the digest of the token.
func TestFirstRunTokenIsNotStored(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	token := world.FirstRunToken(t, env)

	if row := world.QueryValue[string](t, env.Pool, "SELECT code::text FROM code WHERE purpose = 'first-run'"); strings.Contains(row, token[:22]) || strings.Contains(row, token[22:]) {
		t.Errorf("stored as %s", row)
	}
}

// Every void link gets the same page and creates no one.
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
			world.FirstRunToken(t, env)

			return token
		},
		"WhereThereIsAnAdministrator": func(t *testing.T, env *apptest.Env, token string) string {
			t.Helper()
			env.Account(t, world.Administrator)

			if err := env.SetGroup(t.Context(), world.Administrator, world.GroupAdmin); err != nil {
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
			token := spoil(t, env, world.FirstRunToken(t, env))
			before := world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM account")

			for _, query := range []string{"token=" + token, "", "error=CODE_INVALID"} {
				page := firstRunPage(query).To(t, env.Server)
				if nothing == "" {
					nothing = string(page.Body)
				}

				if page.Status != http.StatusOK || string(page.Body) != nothing || strings.Contains(nothing, "<form") {
					t.Errorf("%s: %s", query, page)
				}
			}

			// The page does not report other faults either.
			for _, changes := range []map[string]string{nil, {"password": "short", "repeat": "short"}, {"repeat": "another"}, {"email": "no address"}, {"email": world.Administrator}} {
				if got := world.FirstRunCall(token, changes).To(t, env.Server); got.Status != http.StatusSeeOther || got.Header.Get("Location") != world.FirstRunInvalid {
					t.Errorf("%v: %s %s", changes, got, got.Header["Location"])
				}
			}

			if after := world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM account"); after != before {
				t.Errorf("%d accounts, before %d", after, before)
			}
		})
	}
}

// An administrator who cannot sign in does not count, so that the gateway can be taken over again.
func TestFirstRunAfterTheLastAdministratorIsGone(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, world.Administrator)

	if _, err := env.Pool.Exec(t.Context(), "UPDATE account SET member_group = 'Admin', status = 'disabled'"); err != nil {
		t.Fatal(err)
	}

	if got := world.FirstRunCall(world.FirstRunToken(t, env), nil).To(t, env.Server); got.Header.Get("Location") != world.FirstRunCreated {
		t.Errorf("made: %s %s", got, got.Header["Location"])
	}
}

// Each fault of the form is shown at its field. The other fields stay filled in, and the link stays valid.
func TestFirstRunNamesTheFaults(t *testing.T) {
	t.Parallel()

	env := apptest.New(t, func(c *apptest.Settings) { c.EmailDomains = []string{"konec.com.au"} })
	env.Account(t, world.Owner)

	token := world.FirstRunToken(t, env)
	o := world.OperationByID("createFirstAdministrator")

	for name, one := range map[string]struct {
		changes map[string]string
		faults  map[string]string // by field
	}{
		"PasswordIsShort":       {map[string]string{"password": "kX7", "repeat": "kX7"}, map[string]string{"password": "The password is too short. Use at least 8 characters."}},
		"PasswordIsCommon":      {map[string]string{"password": "password1", "repeat": "password1"}, map[string]string{"password": "The password is too common and easy to guess."}},
		"PasswordIsTheName":     {map[string]string{"name": "Lovelace", "password": "lovelace1", "repeat": "lovelace1"}, map[string]string{"password": "The password is too close to your account or the product&#39;s name, and easy to guess."}},
		"PasswordsDiffer":       {map[string]string{"repeat": "another horse"}, map[string]string{"repeat": "The two passwords do not match."}},
		"NothingIsFilledIn":     {map[string]string{"email": " ", "name": " "}, map[string]string{"email": "is not a valid e-mail address", "name": "must be one line of 1 to 64 characters, without control characters"}},
		"AddressIsNone":         {map[string]string{"email": `"><b>@x`}, map[string]string{"email": "is not a valid e-mail address"}},
		"AddressIsTaken":        {map[string]string{"email": world.Owner}, map[string]string{"email": "This e-mail address is used by another account."}},
		"AddressIsElsewhere":    {map[string]string{"email": "ada@example.com"}, map[string]string{"email": "Registration is not open to this e-mail domain."}},
		"NameHidesItsDirection": {map[string]string{"name": "A\u202e<b>"}, map[string]string{"name": "must be one line of 1 to 64 characters, without control characters"}},
	} {
		got := world.FirstRunCall(token, one.changes).To(t, env.Server)
		if got.Status != http.StatusOK {
			t.Errorf("%s: %s", name, got)

			continue
		}

		world.CheckHeaders(t, name, &o, got)

		if faults := faultsIn(string(got.Body)); !maps.Equal(faults, one.faults) {
			t.Errorf("%s: faults %q, want %q", name, faults, one.faults)
		}

		filled := map[string]string{"email": world.FirstAdministrator, "name": "Ada", "token": token}
		for field := range filled {
			if changed, is := one.changes[field]; is {
				filled[field] = changed
			}

			if !strings.Contains(string(got.Body), ` value="`+escaped(filled[field])+`"`) {
				t.Errorf("%s: %s is not kept: %s", name, field, got)
			}
		}

		if strings.Contains(string(got.Body), apptest.Password) || strings.Contains(string(got.Body), "<b>") || strings.Count(string(got.Body), " autofocus") != 1 {
			t.Errorf("%s: %s", name, got)
		}
	}

	if got := world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM account WHERE member_group = 'Admin'"); got != 0 {
		t.Errorf("%d administrators", got)
	}

	if got := world.FirstRunCall(token, nil).To(t, env.Server); got.Header.Get("Location") != world.FirstRunCreated {
		t.Errorf("the link afterwards: %s", got)
	}
}

// escaped returns a text as an attribute of a page contains it.
func escaped(text string) string {
	return strings.NewReplacer(`"`, "&#34;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// faultsIn returns the faults that the page shows, by field.
func faultsIn(page string) map[string]string {
	faults := map[string]string{}

	for part := range strings.SplitSeq(page, `<p class="fault" id="`) {
		if name, rest, found := strings.Cut(part, `-note">`); found && !strings.Contains(name, "<") {
			faults[name], _, _ = strings.Cut(rest, "</p>")
		}
	}

	return faults
}

// An administrator who is appointed in another way at the same moment is the only one.
func TestFirstRunRacesWithAnotherAdministrator(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	token := world.FirstRunToken(t, env)

	// Another transaction appoints an administrator and has not committed yet.
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

	response := make(chan world.Reply)
	go func() { response <- world.FirstRunCall(token, nil).To(t, env.Server) }()

	apptest.Eventually(t, "the other waits", func() bool {
		return world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
	})

	if err := other.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}

	if got := <-response; got.Header.Get("Location") != world.FirstRunInvalid {
		t.Errorf("got %s %s", got, got.Header["Location"])
	}

	if administrators := world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM account"); administrators != 1 {
		t.Errorf("%d administrators", administrators)
	}
}
