package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
)

// worth is what a credential is worth to the gateway.
type worth int

const (
	none      worth = iota // there is none
	malformed              // there is something that breaks the header's syntax
	worthless              // there is one, and it speaks for nobody
	worthy                 // there is one, and it speaks for its member
)

// state is what a caller has, and how it asks. own is the caller and the owner of what the call is about,
// other is anybody else.
type state struct {
	name  string
	group string // of own; where it is empty None, or for an operation of administrators Admin
	// happened is what happened to own's sessions before.
	happened func(t *testing.T, k *clerk, own *member)
	send     func(k *clerk, c call, own, other *member) call

	// What the gateway has to see in it.
	cookie, bearer worth
	xsrf           bool // the token is bound to the session, or to the browser where no session lives
	otherCookie    bool // the cookie is other's
	otherBearer    bool // the access token is other's
	old            bool // the sign-in is more than 15 minutes old
	elsewhere      bool // the page is another site's
	first          bool // it is one of the few that calls which cost a hash are made with
	spoiled        bool // the query string has what no operation knows
	header         bool // there is an Authorization header, though it names no bearer
}

const (
	fromCrossSite = "cross-site"
	evil          = "https://evil.test"
)

// The parts that states are made of.

func nothing(_ *clerk, c call, _, _ *member) call { return c }

func bearer(token func(k *clerk, own, other *member) string) func(*clerk, call, *member, *member) call {
	return func(k *clerk, c call, own, other *member) call {
		return c.with("Authorization", "Bearer "+token(k, own, other))
	}
}

// bearing is a header that is no good whoever sends it.
func bearing(header string) func(*clerk, call, *member, *member) call {
	return func(_ *clerk, c call, _, _ *member) call { return c.with("Authorization", header) }
}

func ownToken(_ *clerk, own, _ *member) string { return own.access }

func inBrowser(h *member) string { return "__Host-TOKEN=" + h.cookie + "; __Host-PRE=" + h.pre }

// browsing is own's browser, with an XSRF token.
func browsing(k *clerk, c call, own, _ *member) call {
	return c.plus(inBrowser(own)).with("X-XSRF-TOKEN", k.xsrf(own))
}

// browsingWith is own's browser, with the XSRF token of another.
func browsingWith(token func(k *clerk, own, other *member) string) func(*clerk, call, *member, *member) call {
	return func(k *clerk, c call, own, other *member) call {
		return c.plus(inBrowser(own)).with("X-XSRF-TOKEN", token(k, own, other))
	}
}

// planted is own's browser, with something else for a session, and the XSRF token of before a sign-in.
func planted(value func(own, other *member) string) func(*clerk, call, *member, *member) call {
	return func(k *clerk, c call, own, other *member) call {
		return c.plus("__Host-TOKEN="+value(own, other)+"; __Host-PRE="+own.pre).with("X-XSRF-TOKEN", k.xsrfBefore(own))
	}
}

// visiting is a browser in which nobody is signed in.
func visiting(k *clerk, c call, own, _ *member) call {
	return c.plus("__Host-PRE="+own.pre).with("X-XSRF-TOKEN", k.xsrfBefore(own))
}

// from adds what a browser says about the page.
func asking(send func(*clerk, call, *member, *member) call, headers ...string) func(*clerk, call, *member, *member) call {
	return func(k *clerk, c call, own, other *member) call {
		c = send(k, c, own, other)
		for i := 0; i < len(headers); i += 2 {
			c = c.with(headers[i], headers[i+1])
		}

		return c
	}
}

// plus adds cookies to those of the call.
func (c call) plus(cookies string) call {
	if there := c.header.Get("Cookie"); there != "" {
		cookies = there + "; " + cookies
	}

	return c.with("Cookie", cookies)
}

// with another parameter in the query string.
func (c call) asking(name, value string) call {
	if c.query != "" {
		c.query += "&"
	}

	c.query += name + "=" + value

	return c
}

// happens is a statement about own's account.
func happens(statement string) func(*testing.T, *clerk, *member) {
	return func(t *testing.T, k *clerk, own *member) {
		t.Helper()
		k.exec(t, statement, own.id)
	}
}

var (
	expire  = happens("UPDATE session SET expires_at = created_at - interval '1 minute' WHERE account_id = $1")
	end     = happens("UPDATE session SET revoked_at = created_at, revoked_reason = 'test' WHERE account_id = $1 AND revoked_at IS NULL")
	disable = happens("UPDATE account SET status = 'disabled' WHERE id = $1")
	remove  = happens("DELETE FROM account WHERE id = $1")
	retire  = happens("UPDATE session_cookie SET expires_at = created_at WHERE session_id IN (SELECT id FROM session WHERE account_id = $1)")
	ageing  = happens("UPDATE session SET authenticated_at = authenticated_at - interval '16 minutes' WHERE account_id = $1")
	replace = happens("UPDATE session_cookie SET expires_at = created_at + interval '1 minute' WHERE session_id IN (SELECT id FROM session WHERE account_id = $1)")
)

// states are those of the authorization matrix.
var states = []state{
	{name: "nothing", first: true, send: nothing},
	{name: "nothing, from another site", send: asking(nothing, "Sec-Fetch-Site", fromCrossSite), elsewhere: true},

	{name: "bearer", first: true, send: bearer(ownToken), bearer: worthy},
	{name: "bearer, group Admin", group: groupAdmin, send: bearer(ownToken), bearer: worthy},
	{name: "bearer, group Member", group: "Member", send: bearer(ownToken), bearer: worthy},
	{name: "bearer, group Tester", group: "Tester", send: bearer(ownToken), bearer: worthy},
	{name: "bearer, group None", group: account.GroupNone, send: bearer(ownToken), bearer: worthy},
	{name: "bearer, another person's", send: bearer(func(_ *clerk, _, other *member) string { return other.access }), bearer: worthy, otherBearer: true},
	{name: "bearer, account deleted", happened: remove, send: bearer(ownToken), bearer: worthless},
	{name: "bearer, account disabled", happened: disable, send: bearer(ownToken), bearer: worthless},
	{name: "bearer, session ended", happened: end, send: bearer(ownToken), bearer: worthless},
	{name: "bearer, session expired", happened: expire, send: bearer(ownToken), bearer: worthless},
	{name: "bearer, token expired", send: bearer(func(k *clerk, own, _ *member) string {
		return k.forged(own, own.app, k.Clock.Now().Add(-2*time.Hour))
	}), bearer: worthless},
	{name: "bearer, for the browser's session", send: bearer(func(k *clerk, own, _ *member) string {
		return k.forged(own, own.browser, k.Clock.Now())
	}), bearer: worthless},
	{name: "bearer, for another's session", send: bearer(func(k *clerk, own, other *member) string {
		return k.forged(own, other.app, k.Clock.Now())
	}), bearer: worthless},
	{name: "bearer, forged", send: bearing("Bearer e30.e30.e30"), bearer: worthless},
	{name: "bearer, garbage", send: bearing("Bearer garbage"), bearer: worthless},
	{name: "bearer, malformed", send: bearing("Bearer two words"), bearer: malformed},
	{name: "bearer, of scheme Basic", header: true, send: bearing("Basic b3duOnBhc3M=")},
	{name: "bearer, the refresh token", send: bearer(func(_ *clerk, own, _ *member) string { return own.refresh }), bearer: worthless},
	{name: "bearer, the cookie's value", send: bearer(func(_ *clerk, own, _ *member) string { return own.cookie }), bearer: worthless},
	{name: "bearer, in the query string", spoiled: true, send: func(_ *clerk, c call, own, _ *member) call {
		return c.asking("access_token", own.access)
	}},
	{name: "bearer, from another site", first: true, send: asking(bearer(ownToken), "Sec-Fetch-Site", fromCrossSite, "Origin", evil), bearer: worthy, elsewhere: true},
	{name: "bearer, from a file", send: asking(bearer(ownToken), "Sec-Fetch-Site", fromCrossSite, "Origin", "null"), bearer: worthy, elsewhere: true},

	{name: "cookie", first: true, send: browsing, cookie: worthy, xsrf: true},
	{name: "cookie, group Admin", group: groupAdmin, send: browsing, cookie: worthy, xsrf: true},
	{name: "cookie, group Member", group: "Member", send: browsing, cookie: worthy, xsrf: true},
	{name: "cookie, group None", group: account.GroupNone, send: browsing, cookie: worthy, xsrf: true},
	{name: "cookie, another person's", send: func(k *clerk, c call, _, other *member) call { return browsing(k, c, other, nil) }, cookie: worthy, xsrf: true, otherCookie: true},
	{name: "cookie, account deleted", happened: remove, send: browsing, cookie: worthless},
	{name: "cookie, account disabled", happened: disable, send: browsing, cookie: worthless},
	{name: "cookie, session ended", first: true, happened: end, send: browsing, cookie: worthless},
	{name: "cookie, session expired", happened: expire, send: browsing, cookie: worthless},
	{name: "cookie, value replaced long ago", happened: retire, send: browsing, cookie: worthless},
	{name: "cookie, value replaced just now", happened: replace, send: browsing, cookie: worthy, xsrf: true},
	{name: "cookie, signed in long ago", happened: ageing, send: browsing, cookie: worthy, xsrf: true, old: true},
	{name: "cookie, garbage", send: planted(func(_, _ *member) string { return "garbage" }), cookie: worthless, xsrf: true},
	{name: "cookie, the access token", send: planted(func(own, _ *member) string { return own.access }), cookie: worthless, xsrf: true},
	{name: "cookie, the refresh token", send: planted(func(own, _ *member) string { return own.refresh }), cookie: worthless, xsrf: true},
	{name: "cookie, the session's id", send: planted(func(own, _ *member) string { return own.browser }), cookie: worthless, xsrf: true},
	{name: "cookie, twice", send: planted(func(own, other *member) string { return own.cookie + "; __Host-TOKEN=" + other.cookie }), xsrf: true},
	{name: "cookie, in the query string", spoiled: true, xsrf: true, send: func(k *clerk, c call, own, _ *member) call {
		return visiting(k, c, own, nil).asking("__Host-TOKEN", own.cookie)
	}},
	{name: "cookie, no XSRF", first: true, send: func(_ *clerk, c call, own, _ *member) call { return c.plus(inBrowser(own)) }, cookie: worthy},
	{name: "cookie, XSRF garbage", send: browsingWith(func(*clerk, *member, *member) string { return "garbage" }), cookie: worthy},
	{name: "cookie, XSRF of another session", first: true, send: browsingWith(func(k *clerk, _, other *member) string { return k.xsrf(other) }), cookie: worthy},
	{name: "cookie, XSRF of before the sign-in", send: browsingWith(func(k *clerk, own, _ *member) string { return k.xsrfBefore(own) }), cookie: worthy},
	{name: "cookie, XSRF for an empty name", send: browsingWith(func(k *clerk, _, _ *member) string { return k.guard.Mint("") }), cookie: worthy},
	{name: "cookie, XSRF in its cookie only", send: func(k *clerk, c call, own, _ *member) call {
		return c.plus(inBrowser(own) + "; XSRF-TOKEN=" + k.xsrf(own))
	}, cookie: worthy},
	{name: "cookie, from another site", first: true, send: asking(browsing, "Sec-Fetch-Site", fromCrossSite), cookie: worthy, xsrf: true, elsewhere: true},
	{name: "cookie, from a sister site", send: asking(browsing, "Sec-Fetch-Site", "same-site"), cookie: worthy, xsrf: true, elsewhere: true},
	{name: "cookie, from an evil origin", send: asking(browsing, "Origin", evil), cookie: worthy, xsrf: true, elsewhere: true},
	{name: "cookie, from the console's origin", first: true, send: asking(browsing, "Sec-Fetch-Site", fromCrossSite, "Origin", console), cookie: worthy, xsrf: true},

	{name: "visitor", first: true, send: visiting, xsrf: true},
	{name: "visitor, no XSRF", first: true, send: func(_ *clerk, c call, own, _ *member) call { return c.plus("__Host-PRE=" + own.pre) }},
	{name: "visitor, XSRF of another browser", send: func(k *clerk, c call, own, other *member) call {
		return visiting(k, c, own, nil).with("X-XSRF-TOKEN", k.xsrfBefore(other))
	}},
	{name: "visitor, XSRF of a session", send: func(k *clerk, c call, own, _ *member) call {
		return visiting(k, c, own, nil).with("X-XSRF-TOKEN", k.xsrf(own))
	}},
	{name: "visitor, XSRF and no cookie", send: func(k *clerk, c call, own, _ *member) call { return c.with("X-XSRF-TOKEN", k.xsrfBefore(own)) }},
	{name: "visitor, from another site", send: asking(visiting, "Sec-Fetch-Site", fromCrossSite), xsrf: true, elsewhere: true},
	{name: "visitor, from an evil origin", first: true, send: asking(visiting, "Origin", evil), xsrf: true, elsewhere: true},
	{name: "visitor, from the console's origin", send: asking(visiting, "Sec-Fetch-Site", fromCrossSite, "Origin", console), xsrf: true},

	{name: "both", first: true, send: bearerAnd(browsing, ownToken), cookie: worthy, bearer: worthy, xsrf: true},
	{name: "both, another's bearer", send: bearerAnd(browsing, func(_ *clerk, _, other *member) string { return other.access }),
		cookie: worthy, bearer: worthy, xsrf: true, otherBearer: true},
	{name: "both, another's cookie", send: func(k *clerk, c call, own, other *member) call {
		return bearer(ownToken)(k, browsing(k, c, other, nil), own, other)
	}, cookie: worthy, bearer: worthy, xsrf: true, otherCookie: true},
	{name: "both, the bearer forged", send: bearerAnd(browsing, func(*clerk, *member, *member) string { return "e30.e30.e30" }),
		cookie: worthy, bearer: worthless, xsrf: true},
	{name: "both, the bearer malformed", send: bearerAnd(browsing, func(*clerk, *member, *member) string { return "two words" }),
		cookie: worthy, bearer: malformed, xsrf: true},
	{name: "both, the cookie garbage", send: bearerAnd(planted(func(_, _ *member) string { return "garbage" }), ownToken),
		cookie: worthless, bearer: worthy, xsrf: true},
	{name: "both, no XSRF", send: func(_ *clerk, c call, own, _ *member) call {
		return c.plus(inBrowser(own)).with("Authorization", "Bearer "+own.access)
	}, cookie: worthy, bearer: worthy},
}

// bearerAnd is both credentials at once.
func bearerAnd(send func(*clerk, call, *member, *member) call, token func(k *clerk, own, other *member) string) func(*clerk, call, *member, *member) call {
	return func(k *clerk, c call, own, other *member) call {
		return bearer(token)(k, send(k, c, own, other), own, other)
	}
}

// groupOf is own's member group: where the state does not say, one that may call the operation.
func (s state) groupOf(o operation) string {
	switch {
	case s.group != "":
		return s.group
	case o.admin():
		return groupAdmin
	default:
		return account.GroupNone
	}
}

const groupAdmin = "Admin"

// refused is what the contract says before the operation itself is asked, from the operation's security
// and surface alone; empty where it is let through.
func (s state) refused(o operation) string {
	switch {
	case o.admin():
		return s.refusedToAdminister(o)
	case o.guarded() && s.elsewhere:
		return "403 CROSS_SITE"
	case o.secured("bearer") && s.bearer != worthy:
		return map[worth]string{none: "401 UNAUTHENTICATED", malformed: "400 INVALID_REQUEST", worthless: "401 TOKEN_INVALID"}[s.bearer]
	case o.secured("session") && s.cookie != worthy:
		return map[worth]string{none: "401 UNAUTHENTICATED", worthless: "401 TOKEN_INVALID"}[s.cookie]
	case o.secured("xsrf") && !s.xsrf:
		return "403 XSRF_INVALID"
	case s.spoiled:
		return "400 INVALID_REQUEST"
	}

	return ""
}

// refusedToAdminister is refused of an operation that takes either credential: an Authorization header is the one
// that counts wherever there is one.
func (s state) refusedToAdminister(o operation) string {
	writes := o.method != http.MethodGet
	group, judged := s.groupOf(o), s.bearer

	if s.header || s.bearer != none {
		if s.otherBearer {
			group = account.GroupNone
		}
	} else {
		if writes && s.elsewhere {
			return "403 CROSS_SITE"
		}

		judged = s.cookie
		if s.otherCookie {
			group = account.GroupNone
		}
	}

	switch {
	case judged == none:
		return "401 UNAUTHENTICATED"
	case judged == malformed:
		return "400 INVALID_REQUEST"
	case judged == worthless:
		return "401 TOKEN_INVALID"
	case s.bearer == none && writes && !s.xsrf:
		return "403 XSRF_INVALID"
	case group != groupAdmin:
		return "403 RIGHT_MISSING"
	case s.spoiled:
		return "400 INVALID_REQUEST"
	}

	return ""
}

// isOther says that the credential that the operation reads is another person's than the object's owner.
func (s state) isOther(o operation) bool {
	return o.public() && s.otherCookie || !o.public() && s.otherBearer
}

// signedIn says that the browser has a session that lives, for operations that do not ask for one.
func (s state) signedIn() bool { return s.cookie == worthy }
