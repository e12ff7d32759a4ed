package public

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

const (
	cookieSession = "__Host-TOKEN"
	// cookieBrowser names a browser in which no one is signed in: its XSRF token is bound to the name. After the first
	// half of a sign-in with Lark the name is the ticket for the second.
	cookieBrowser   = "__Host-PRE"
	cookieDevice    = "__Host-DEVICE"
	deviceLifetime  = 400 * 24 * time.Hour // the longest that browsers keep a cookie
	browserLifetime = 30 * 24 * time.Hour
	xsrfLifetime    = 24 * time.Hour
)

// cookiesXSRF are what Angular and axios read, and the document's own spelling.
var cookiesXSRF = []string{"XSRF-TOKEN", "XSRF_TOKEN"}

// setSession gives the browser its session, and an XSRF token that is bound to it.
func (p *Public) setSession(ctx context.Context, id string, value session.Cookie) {
	httpapi.SetCookie(ctx, hostCookie(cookieSession, string(value), p.settings.SessionLifetime))
	p.setXSRF(ctx, id)
}

// openSession completes a sign-in: it sets the session, and deletes the name that the browser had before. An attacker
// who knew that name, and a token bound to it, cannot use them once the user has signed out.
func (p *Public) openSession(ctx context.Context, opened signin.Session) {
	p.setSession(ctx, opened.SessionID, opened.Cookie)
	httpapi.SetCookie(ctx, hostCookie(cookieBrowser, "", 0))
	setDevice(ctx, opened.Device)
}

// setDevice gives the browser its new device token.
func setDevice(ctx context.Context, fresh device.Token) {
	httpapi.SetCookie(ctx, hostCookie(cookieDevice, string(fresh), deviceLifetime))
}

// setXSRF gives scripts a fresh token. It is not a secret from them, and of no use to other sites.
func (p *Public) setXSRF(ctx context.Context, binding string) {
	token := p.xsrf.Mint(binding)

	for _, name := range cookiesXSRF {
		httpapi.SetCookie(ctx, &http.Cookie{ //nolint:gosec // scripts of the page read it: that is what it is for
			Name: name, Value: token, Path: "/", Domain: p.settings.XSRFCookieDomain,
			MaxAge: int(xsrfLifetime.Seconds()), Secure: true, SameSite: http.SameSiteStrictMode,
		})
	}
}

// clearTwins deletes cookies that have the name of an XSRF cookie and another domain: of another program on a parent domain,
// or from before XSRF_COOKIE_DOMAIN was changed. Angular and axios send the first of two, which may be the wrong one for ever.
// It does so only if the browser has just sent one of two.
func (p *Public) clearTwins(r *http.Request) {
	sent := r.Header.Get(headerXSRF)

	for _, name := range cookiesXSRF {
		found := r.CookiesNamed(name)
		if len(found) < 2 || !slices.ContainsFunc(found, func(one *http.Cookie) bool { return one.Value == sent }) {
			continue
		}

		for _, domain := range otherDomains(p.settings.Host, p.settings.XSRFCookieDomain) {
			httpapi.SetCookie(r.Context(), &http.Cookie{ //nolint:gosec // it deletes one
				Name: name, Path: "/", Domain: domain, MaxAge: -1, Secure: true, SameSite: http.SameSiteStrictMode,
			})
		}
	}
}

// otherDomains returns the domains of the cookies that a host receives, except our own: empty for a cookie of the host only.
func otherDomains(host, own string) []string {
	domains := []string{""}

	for domain := host; strings.Contains(domain, ".") && net.ParseIP(host) == nil; _, domain, _ = strings.Cut(domain, ".") {
		domains = append(domains, domain)
	}

	return slices.DeleteFunc(domains, func(domain string) bool { return domain == own })
}

// setFresh sets the cookies that the next attempt needs, in a browser in which no one is signed in.
func (p *Public) setFresh(ctx context.Context) {
	id, known := httpapi.Cookie(ctx, cookieBrowser)
	if !known {
		p.nameBrowser(ctx, randomid.New())

		return
	}

	p.setXSRF(ctx, browserBinding(id))
}

// nameBrowser gives the browser a name, and an XSRF token that is bound to it.
func (p *Public) nameBrowser(ctx context.Context, name string) {
	httpapi.SetCookie(ctx, hostCookie(cookieBrowser, name, browserLifetime))
	p.setXSRF(ctx, browserBinding(name))
}

// browserBinding keeps the two kinds of bindings apart: a browser's name is whatever text it sends.
func browserBinding(id string) string { return "browser " + id }

// hostCookie returns a cookie that scripts cannot read and no other host can set (RFC 6265bis, section
// 4.1.3.2). A lifetime of zero deletes it.
func hostCookie(name, value string, lifetime time.Duration) *http.Cookie {
	cookie := &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(lifetime.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}

	if lifetime == 0 {
		cookie.MaxAge = -1
	}

	return cookie
}
