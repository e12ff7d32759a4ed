package federation_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-M8, contract, "an outage": an unavailable Lark, or one that refuses our settings, counts as no user's failure. The
// user gets an error that says so, signs in by other methods meanwhile, and with Lark afterwards.
func TestLarkOutageCountsNoFailure(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t, func(c *apptest.Settings) { c.NetworkFailures = 3 })
	f.BindOwner(t, g, world.LarkPerson("zhang"))

	for name, instead := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"away": func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
		"fault": func(w http.ResponseWriter, _ *http.Request) bool {
			world.WriteLarkResponse(w, http.StatusInternalServerError, map[string]any{"code": 20050, "error": "server_error"})

			return true
		},
		"oversize": func(w http.ResponseWriter, _ *http.Request) bool {
			world.WriteLarkResponse(w, http.StatusOK, map[string]any{"code": 0, "access_token": strings.Repeat("x", 100_000)})

			return true
		},
		"wrong secret": func(w http.ResponseWriter, _ *http.Request) bool {
			world.WriteLarkResponse(w, http.StatusBadRequest, map[string]any{"code": 20002, "error": "invalid_client", "error_description": world.LarkSecret})

			return true
		},
		"no profile": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/user_info") {
				world.WriteLarkResponse(w, http.StatusBadGateway, map[string]any{})

				return true
			}

			return false
		},
	} {
		f.Override(instead)

		browser := g.Browser(t)
		if to := f.Authorize(browser, world.LarkLogin, world.LarkPerson("zhang")); to != world.LarkFailed("zh-Hans", "UNAVAILABLE") {
			t.Errorf("%s: went to %s", name, to)
		}

		if to := f.Authorize(g.OwnerBrowser, world.LarkBind, world.LarkPerson("li")); to != world.LarkFailed("zh-Hans", "UNAVAILABLE") {
			t.Errorf("%s: a binding went to %s", name, to)
		}
	}

	if !strings.Contains(g.Log.String(), "lark is unavailable") {
		t.Error("the log has no warning for the operator")
	}

	g.SignedIn(t, world.Owner)
	f.Override(nil)

	if to := f.Authorize(g.Browser(t), world.LarkLogin, world.LarkPerson("zhang")); to != world.LarkConsoleURL+"/zh-Hans/" {
		t.Errorf("afterwards: went to %s", to) // the outages did not count as failures, of which three are allowed
	}

	if subject := g.LarkSubject(t, world.Owner); subject != "ou_zhang" {
		t.Errorf("bound to %s", subject)
	}
}

// R-G2, R-K6, T-05: a network that sends invalid codes must wait, before Lark receives another request; a valid code is
// not counted.
func TestLarkFailuresAreLimited(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t, func(c *apptest.Settings) { c.NetworkFailures = 3 })
	f.BindOwner(t, g, world.LarkPerson("zhang"))

	for i := range 5 {
		if to := f.Authorize(g.Browser(t), world.LarkLogin, world.LarkPerson("zhang")); to != world.LarkConsoleURL+"/zh-Hans/" {
			t.Errorf("sign-in %d: went to %s", i, to)
		}
	}

	for i := range 5 {
		want, asked := "IDENTITY_NOT_BOUND", f.Requests()+2
		if i >= 3 {
			want, asked = "TOO_MANY_REQUESTS", f.Requests()
		}

		if to := f.Authorize(g.Browser(t), world.LarkLogin, world.LarkPerson("li")); to != world.LarkFailed("zh-Hans", want) || f.Requests() != asked {
			t.Errorf("failure %d: went to %s, Lark received %d requests", i, to, f.Requests())
		}
	}

	world.ExpectLimitEvents(t, g.Env, "failures", 1)
}

// Rule 8 of the style: no transaction is open during a request to Lark, and other requests continue.
func TestDatabaseIsFreeWhileLarkIsAsked(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	f.BindOwner(t, g, world.LarkPerson("zhang"))
	f.Override(func(http.ResponseWriter, *http.Request) bool {
		var held int

		err := g.Pool.QueryRow(t.Context(), `
			SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND query LIKE '-- name: %'`).Scan(&held)
		if err != nil || held > 0 {
			t.Errorf("%d transactions are open, %v", held, err)
		}

		if got := g.OwnerBrowser.Verify(t); got != http.StatusNoContent {
			t.Errorf("verify: %d", got)
		}

		return false
	})

	if to := f.Authorize(g.Browser(t), world.LarkLogin, world.LarkPerson("zhang")); to != world.LarkConsoleURL+"/zh-Hans/" {
		t.Errorf("went to %s", to)
	}
}

// R-K3, T-29: no token, code, secret or state of a journey is stored, logged or returned. Of the person only the
// profile in the contract and the identifiers are stored.
func TestLarkSecretsStayOut(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	f.BindOwner(t, g, world.LarkPerson("zhang"))

	browser := g.Browser(t)
	page := world.StartLark(t, browser, world.LarkLogin)
	journey := browser.Cookie("__Host-LARK")
	query := f.Approve(page, world.LarkPerson("zhang"))
	world.ReturnFromLark(t, browser, query)
	f.Authorize(g.Browser(t), world.LarkLogin, world.LarkPerson("li"))

	texts := map[string]string{"the log": g.Log.String(), "Lark's page": page, "the user": string(world.Call{Method: http.MethodGet, Path: "/user"}.InBrowser(t, g.Server, browser).Body)}

	rows, err := g.Pool.Query(t.Context(), "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}

	var tables []string

	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}

		tables = append(tables, table)
	}

	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}

	for _, table := range tables {
		var text string
		if err := g.Pool.QueryRow(t.Context(), "SELECT coalesce(string_agg(x::text, ' '), '') FROM "+table+" x").Scan(&text); err != nil {
			t.Fatal(err)
		}

		texts["the table "+table] = text
	}

	for where, text := range texts {
		for what, secret := range map[string]string{
			"a canary": "canary", "the code": query.Get("code"), "the cookie": journey, "the phone": "13800000000",
		} {
			if strings.Contains(text, secret) {
				t.Errorf("%s has %s", where, what)
			}
		}

		if where != "Lark's page" && strings.Contains(text, query.Get("state")) {
			t.Errorf("%s has the state", where)
		}
	}

	if !strings.Contains(texts["the table identity"], "ou_zhang") {
		t.Error("the scan sees nothing")
	}
}

// Contract, "Lark": if no app is configured, the options say so and no browser is redirected. Otherwise they name our
// own page.
func TestLarkOptions(t *testing.T) {
	t.Parallel()

	options := world.Call{Method: http.MethodGet, Path: "/options", Query: "type=collaboration"}

	g := world.NewGateway(t)
	if got := options.To(t, g.Server); got.Status != http.StatusOK ||
		strings.TrimSpace(string(got.Body)) != `{"url":"https://gateway.test/lark/authorize","redirect":"https://gateway.test/lark","app_id":"cli_test"}` {
		t.Errorf("got %s", got)
	}

	if got := options.To(t, apptest.New(t).Server); got.Status != http.StatusBadRequest || got.Problem.Code != "NOT_CONFIGURED" {
		t.Errorf("without settings: %s", got)
	}
}

// R-H1: the cookie of a journey has exactly its attributes, and is removed at the journey's end, however it ends. A
// return that belongs to no journey, or to another, ends none.
func TestLarkCookieHasItsAttributes(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	browser := g.Browser(t)
	start := world.Call{Method: http.MethodGet, Path: "/lark/authorize"}

	got := start.InBrowser(t, g.Server, browser)
	world.CheckCookies(t, "departure", got.Header.Values("Set-Cookie"), []string{
		`__Host-LARK=[A-Za-z0-9_-]{22}\.login\.; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax`,
	})

	back := world.Call{Method: http.MethodGet, Path: "/lark", Query: f.Approve(got.Header.Get("Location"), world.LarkPerson("li")).Encode()}
	gone := []string{`__Host-LARK=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`}
	world.CheckCookies(t, "failure", back.InBrowser(t, g.Server, browser).Header.Values("Set-Cookie"), gone)
	world.CheckCookies(t, "stray return", back.To(t, g.Server).Header.Values("Set-Cookie"), nil)

	refused := start.With("Sec-Fetch-Site", "cross-site").InBrowser(t, g.Server, browser)
	world.CheckCookies(t, "refused departure", refused.Header.Values("Set-Cookie"), nil)
}
