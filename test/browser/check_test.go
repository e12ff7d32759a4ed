package browser_test

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// browserForms are the forms in which a request for an operation must arrive from other sites, by its method: method,
// mode and destination, as the browser reports them. Of PATCH and DELETE only the preflight arrives.
var browserForms = map[string][]string{
	http.MethodGet: {
		"GET navigate document", "GET navigate iframe", "GET navigate object", "GET no-cors image", "GET no-cors script",
		"GET no-cors style", "GET no-cors video", "GET no-cors empty", "GET cors empty", "GET websocket ", "OPTIONS cors empty",
	},
	http.MethodPost:   {"POST navigate document", "POST navigate iframe", "POST no-cors empty", "POST cors empty", "OPTIONS cors empty"},
	http.MethodPatch:  {"OPTIONS cors empty"},
	http.MethodDelete: {"OPTIONS cors empty"},
}

// formPages have a form, which they post to the gateway.
var formPages = []string{"/confirm_email", "/first_run", "/reset", "/sign-up"}

// checkGatewayRequests checks every response that a browser received. It also checks that each forgery arrived, because
// one that was never tried cannot fail.
func (s *browserSite) checkGatewayRequests(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()

	arrived := map[string]bool{}

	for _, one := range s.gatewayRequests {
		policy, private := one.header.Get("Content-Security-Policy"), one.header.Get("Referrer-Policy")
		if !strings.Contains(policy, "frame-ancestors 'none'") || one.header.Get("X-Content-Type-Options") != "nosniff" ||
			private != "no-referrer" && (private != "same-origin" || !slices.Contains(formPages, one.path)) {
			t.Errorf("%s %s: %v", one.method, one.path, one.header)
		}

		site := s.siteOf(one)
		if site == "" {
			continue
		}

		if one.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%+v: other sites may read the response, with cookies", one)
		}

		method := cmp.Or(one.preflightMethod, one.method)

		o := world.OperationAt(method, one.path)
		if o == nil || !o.IsPublic() {
			continue
		}

		form := one.method + " " + one.mode + " " + one.dest
		arrived[o.OperationID+", asked as "+form+" from "+site] = true

		// In old browsers only the XSRF token keeps other sites' requests out.
		effective := one.preflightMethod == "" && o.RefusesOtherSites() && (!one.fromOldBrowser || o.RequiresScheme("xsrf"))
		if effective && one.status < http.StatusBadRequest {
			t.Errorf("%s, sent as %s from %s: %d", o.OperationID, form, site, one.status)
		}
	}

	for _, o := range world.Operations() {
		if !o.IsPublic() {
			continue
		}

		for _, form := range browserForms[o.Method] {
			for _, site := range []string{"cross-site", "same-site"} {
				what := o.OperationID + ", asked as " + form + " from " + site
				// Windows for a neighbour's POST are left out, because its frames send the same cookies.
				if !arrived[what] && (site != "same-site" || form != "POST navigate document") {
					t.Errorf("never arrived: %s", what)
				}
			}
		}
	}
}

// siteOf returns the relation of the site that a request came from, or an empty string for our own pages and for users.
func (s *browserSite) siteOf(one gatewayRequest) string {
	switch ours := s.origin(consoleHost); {
	case one.origin == ours, one.path == "/lark/authorize" && strings.HasPrefix(one.referrer, ours):
		return ""
	case one.origin == s.origin(attackerHost): // a web socket reports its origin and no site
		return "cross-site"
	case one.origin == s.origin(neighbourHost):
		return "same-site"
	case one.site == "cross-site", one.site == "same-site":
		return one.site
	}

	return ""
}

// checkAttackerRequests checks the requests that reached the attacker's site by way of the gateway: they reveal neither
// the page they came from nor a cookie of ours.
func (s *browserSite) checkAttackerRequests(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()

	sent := 0

	for _, one := range s.attackerRequests {
		from, err := url.Parse(one.referrer)
		if err != nil || from.Hostname() == gatewayHost || from.Hostname() == consoleHost && !strings.HasPrefix(one.path, "/redirect") {
			t.Errorf("%s: came from %s", one.path, one.referrer)
		}

		if strings.Contains(one.cookies, "TOKEN") || strings.Contains(one.cookies, "XSRF") {
			t.Errorf("%s: cookies %q", one.path, one.cookies)
		}

		if strings.Contains(one.path, "from=") || strings.Contains(one.path, "state=") {
			sent++
		}
	}

	if sent < 4 {
		t.Errorf("%d requests by way of the gateway, want at least 4", sent)
	}
}
