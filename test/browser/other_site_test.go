package browser_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// target is a valid call of an operation, which other sites forge.
type target struct {
	ID     string         `json:"id"`
	Method string         `json:"method"`
	URL    string         `json:"url"`
	Body   map[string]any `json:"body,omitempty"`
	JSON   bool           `json:"json"` // the media type of the body
}

// R-H1 to R-H7, T-18, W-9: for every operation of the public surface, and whatever a page of another site, or of
// another host of the same site, makes a real browser do: no row changes, nothing is sent, no response can be read.
func TestOtherSitesHaveNoEffect(t *testing.T) {
	t.Parallel()

	s := newBrowserSite(t, siblingConsole, func(s *browserSite, c *apptest.Settings) {
		world.WithLark(world.UnreachableLark)(c)
		c.ConsoleURL, c.LarkAuthorizeURL = s.origin(consoleHost)+"/console.html", s.origin(attackerHost)+"/attacker.html"
	})
	g := world.GatewayOn(t, s.Env)
	g.Exec(t, "UPDATE account SET phone = $1 WHERE email = $2", world.FreePhone, world.Owner)

	attacker := "attacker@konec.com.au"
	s.Account(t, attacker)
	theirs := s.SignedIn(t, attacker)

	s.watchTables(t)
	s.runScript(t, "other-sites.mjs", map[string]any{
		"attackerSite": s.origin(attackerHost), "neighbour": s.origin(neighbourHost), "console": s.console(consoleHost), "targets": s.targets(t, g),
		"victim":   map[string]string{"email": world.Owner, "password": apptest.Password},
		"attacker": map[string]string{"session": theirs.Cookie("__Host-TOKEN"), "xsrf": theirs.Cookie("XSRF-TOKEN")},
	})

	s.checkGatewayRequests(t)
	s.checkAttackerRequests(t)
}

// targets returns calls that would have an effect on the owner or on the attacker's own account.
func (s *browserSite) targets(t *testing.T, g *world.Gateway) []target {
	t.Helper()

	list, err := g.Client.ListSessionsWithResponse(t.Context(), apptest.Bearer(g.OwnerTokens.AccessToken))
	if err != nil || list.JSON200 == nil {
		t.Fatalf("list sessions: %v %s", err, list.Body)
	}

	owns := strings.NewReplacer("{id}", list.JSON200.Sessions[0].ID, "{key}", "phone")
	effective := map[string]string{
		"sendResetCode": "email=" + world.Owner, "sendSignInCode": "phone=" + url.QueryEscape(world.FreePhone),
	}

	var targets []target

	for _, o := range world.Operations() {
		if !o.IsPublic() {
			continue
		}

		one := target{
			ID: o.OperationID, Method: o.Method, URL: s.origin(gatewayHost) + owns.Replace(o.Path),
			Body: g.Values(o), JSON: o.Media() == "application/json",
		}
		if o.OperationID == "changePassword" {
			one.Body["old"] = apptest.Password
		}

		query := effective[o.OperationID]
		if query == "" {
			query = g.Query(o)
		}

		if query != "" {
			one.URL += "?" + query
		}

		targets = append(targets, one)
	}

	return targets
}

// watchTables lets the script choose when the test looks for effects.
func (s *browserSite) watchTables(t *testing.T) {
	t.Helper()

	var before map[string]string

	s.scriptMux.HandleFunc("/begin", func(w http.ResponseWriter, _ *http.Request) {
		before = s.settledRows(t)
		writeJSON(w, len(before))
	})

	s.scriptMux.HandleFunc("/settled", func(w http.ResponseWriter, r *http.Request) {
		var changed []string

		after := s.rows(t)
		for _, name := range slices.Sorted(maps.Keys(after)) {
			if after[name] != before[name] {
				changed = append(changed, name)
			}
		}

		if wanted := r.FormValue("changes") != ""; wanted != (len(changed) > 0) {
			t.Errorf("after %s: changes in %v", r.FormValue("after"), changed)
		}

		before = s.settledRows(t)
		writeJSON(w, changed)
	})
}

// settledRows returns rows once no job is left.
func (s *browserSite) settledRows(t *testing.T) map[string]string {
	t.Helper()
	apptest.Eventually(t, "no job is left", func() bool {
		var left int

		err := s.Pool.QueryRow(t.Context(), "SELECT count(*) FROM river_job WHERE state NOT IN ('completed', 'cancelled', 'discarded')").Scan(&left)

		return err == nil && left == 0
	})

	return s.rows(t)
}

// rows returns a digest of every table, and the number of sent messages. Changes by River and by background jobs do not
// count.
func (s *browserSite) rows(t *testing.T) map[string]string {
	t.Helper()

	// The chain of the audit log follows audit_event with a delay, and contains nothing more. So do the columns of the
	// search, which a background job fills from others.
	rows, err := s.Pool.Query(t.Context(), `
		SELECT table_name, (xpath('//t/text()', query_to_xml(format(
			'SELECT md5(coalesce(string_agg(t, '';'' ORDER BY t), '''')) AS t FROM
				(SELECT (to_jsonb(r) - ''{folded_name,search}''::text[])::text AS t FROM %I r %s) rows', table_name,
			CASE table_name WHEN 'river_job' THEN 'WHERE kind = ''delivery''' ELSE '' END), false, true, '')))[1]::text
		FROM information_schema.tables
		WHERE table_schema = 'public' AND (table_name = 'river_job' OR table_name NOT LIKE 'river%')
			AND table_name NOT IN ('audit_unsealed', 'audit_link', 'audit_checkpoint', 'audit_count', 'audit_counted')`)
	if err != nil {
		t.Error(err)

		return nil
	}
	defer rows.Close()

	found := map[string]string{"messages": fmt.Sprint(len(s.Inbox.Messages()))}

	for rows.Next() {
		var name, digest string
		if err := rows.Scan(&name, &digest); err != nil {
			t.Error(err)
		}

		found[name] = digest
	}

	if err := rows.Err(); err != nil || len(found) < 15 {
		t.Errorf("%d tables: %v", len(found), err)
	}

	return found
}
