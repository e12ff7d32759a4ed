package session_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// IN-K13: a cookie of the same name that hides ours, of another program or of ours before XSRF_COOKIE_DOMAIN was set. Angular and
// axios send the first of two. The first refusal deletes it, so that the next attempt works.
func TestCookieThatHidesOursIsDeleted(t *testing.T) {
	t.Parallel()

	for name, one := range map[string]struct {
		own  string   // XSRF_COOKIE_DOMAIN
		want []string // the domains of the deleted cookies; - for the host only
	}{
		"of this host":        {"", []string{"gateway.eu.example.com", "eu.example.com", "example.com"}},
		"of a parent domain":  {"example.com", []string{"-", "gateway.eu.example.com", "eu.example.com"}},
		"of a domain between": {"eu.example.com", []string{"-", "gateway.eu.example.com", "example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g := world.NewGateway(t, func(c *apptest.Settings) {
				c.PublicURL, c.XSRFCookieDomain = "https://gateway.eu.example.com", one.own
			})

			for _, cookie := range []string{"XSRF-TOKEN", "XSRF_TOKEN"} {
				call := world.SignOutCall().FromBrowser(g.Visitor)
				first := call.With("Cookie", cookie+"=foreign; "+call.Header.Get("Cookie")).With("X-XSRF-TOKEN", "foreign")

				got := first.To(t, g.Server)
				if deleted := deletedDomains(got.Header, cookie); got.Problem.Code != "XSRF_INVALID" || !slices.Equal(deleted, one.want) {
					t.Errorf("%s: %s, deleted %q, want %q", cookie, got, deleted, one.want)
				}

				if set := liveDomains(got.Header, cookie); !slices.Equal(set, []string{one.own}) {
					t.Errorf("%s: set for %q, want %q", cookie, set, one.own)
				}

				// One cookie is not two, and a header of another value is not about them.
				for _, other := range []world.Call{call.With("X-XSRF-TOKEN", "foreign"), first.With("X-XSRF-TOKEN", "else")} {
					if got := other.To(t, g.Server); got.Problem.Code != "XSRF_INVALID" || len(deletedDomains(got.Header, cookie)) > 0 {
						t.Errorf("%s: %s, deleted %q", cookie, got, deletedDomains(got.Header, cookie))
					}
				}
			}
		})
	}
}

// deletedDomains returns the domains for which a response deletes a cookie.
func deletedDomains(header http.Header, name string) []string { return domainsOf(header, name, true) }

// liveDomains returns the domains for which a response sets a cookie.
func liveDomains(header http.Header, name string) []string { return domainsOf(header, name, false) }

func domainsOf(header http.Header, name string, deleted bool) (domains []string) {
	for _, cookie := range (&http.Response{Header: header}).Cookies() {
		if cookie.Name != name || deleted != (cookie.MaxAge < 0) {
			continue
		}

		if deleted && cookie.Domain == "" {
			cookie.Domain = "-"
		}

		domains = append(domains, cookie.Domain)
	}

	return domains
}
