package authorization_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// validity is what the gateway makes of a credential.
type validity int

const (
	absent    validity = iota // there is no credential
	malformed                 // the credential breaks the header's syntax
	invalid                   // the credential belongs to no live session
	valid                     // the credential is that of its member
)

// state is the credentials of a caller and how it sends them. own is the caller and the owner of what the call is
// about; other is another user.
type state struct {
	name  string
	group string // of own; if empty, None, or Admin for an operation of administrators
	// before changes own's sessions or account before the call.
	before func(t *testing.T, s *world.Seeder, own *world.Member)
	send   func(s *world.Seeder, c world.Call, own, other *world.Member) world.Call

	// What the gateway must find in it.
	cookie, bearer validity
	xsrf           bool // the token is bound to the session or, without a live session, to the browser
	otherCookie    bool // the cookie is other's
	otherBearer    bool // the access token is other's
	oldSignIn      bool // the sign-in is more than 15 minutes old
	crossSite      bool // the page belongs to another site
	withCostly     bool // costly calls are made in this state too
	unknownQuery   bool // the query string has a parameter that no operation knows
	otherScheme    bool // there is an Authorization header of another scheme

	// Of rightStates.
	byRight  bool                        // only operations of administrators are called
	right    authority.Right             // the only right of own's group
	rightsOf map[string]authority.Rights // the rights that each operation requires
}

const (
	fromCrossSite = "cross-site"
	evilOrigin    = "https://evil.test"
)

// The parts of which states are made.

func withoutCredential(_ *world.Seeder, c world.Call, _, _ *world.Member) world.Call { return c }

func bearer(token func(s *world.Seeder, own, other *world.Member) string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(s *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return c.With("Authorization", "Bearer "+token(s, own, other))
	}
}

// withAuthorization sends a header that is invalid for every caller.
func withAuthorization(header string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(_ *world.Seeder, c world.Call, _, _ *world.Member) world.Call {
		return c.With("Authorization", header)
	}
}

func ownToken(_ *world.Seeder, own, _ *world.Member) string { return own.AccessToken }

// withXSRF sends own's cookies with another XSRF token.
func withXSRF(token func(s *world.Seeder, own, other *world.Member) string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(s *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return c.WithCookies(world.BrowserCookies(own)).With("X-XSRF-TOKEN", token(s, own, other))
	}
}

// withSessionCookie sends another value as own's session cookie, and the XSRF token from before a sign-in.
func withSessionCookie(value func(own, other *world.Member) string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(s *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return c.WithCookies("__Host-TOKEN="+value(own, other)+"; __Host-PRE="+own.PreSession).With("X-XSRF-TOKEN", s.XSRFTokenBeforeSignIn(own))
	}
}

// withHeaders adds headers to what send sends, such as those in which a browser names the page.
func withHeaders(send func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call, headers ...string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(s *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		c = send(s, c, own, other)
		for i := 0; i < len(headers); i += 2 {
			c = c.With(headers[i], headers[i+1])
		}

		return c
	}
}

// withQuery returns the call with another parameter in its query string.
func withQuery(c world.Call, name, value string) world.Call {
	if c.Query != "" {
		c.Query += "&"
	}

	c.Query += name + "=" + value

	return c
}

// states are the states of the authorization matrix.
var states = []state{
	{name: "nothing", withCostly: true, send: withoutCredential},
	{name: "nothing, from another site", send: withHeaders(withoutCredential, "Sec-Fetch-Site", fromCrossSite), crossSite: true},

	{name: "bearer", withCostly: true, send: bearer(ownToken), bearer: valid},
	{name: "bearer, group Admin", group: world.GroupAdmin, send: bearer(ownToken), bearer: valid},
	{name: "bearer, group Member", group: "Member", send: bearer(ownToken), bearer: valid},
	{name: "bearer, group Tester", group: "Tester", send: bearer(ownToken), bearer: valid},
	{name: "bearer, group None", group: account.GroupNone, send: bearer(ownToken), bearer: valid},
	{name: "bearer, another person's", send: bearer(func(_ *world.Seeder, _, other *world.Member) string { return other.AccessToken }), bearer: valid, otherBearer: true},
	{name: "bearer, account deleted", before: world.DeleteAccount, send: bearer(ownToken), bearer: invalid},
	{name: "bearer, account disabled", before: world.DisableAccount, send: bearer(ownToken), bearer: invalid},
	{name: "bearer, session ended", before: world.EndSessions, send: bearer(ownToken), bearer: invalid},
	{name: "bearer, session expired", before: world.ExpireSessions, send: bearer(ownToken), bearer: invalid},
	{name: "bearer, token expired", send: bearer(func(s *world.Seeder, own, _ *world.Member) string {
		return s.ForgeToken(own, own.AppSession, s.Clock.Now().Add(-2*time.Hour))
	}), bearer: invalid},
	{name: "bearer, for the browser's session", send: bearer(func(s *world.Seeder, own, _ *world.Member) string {
		return s.ForgeToken(own, own.BrowserSession, s.Clock.Now())
	}), bearer: invalid},
	{name: "bearer, for another's session", send: bearer(func(s *world.Seeder, own, other *world.Member) string {
		return s.ForgeToken(own, other.AppSession, s.Clock.Now())
	}), bearer: invalid},
	{name: "bearer, forged", send: withAuthorization("Bearer e30.e30.e30"), bearer: invalid},
	{name: "bearer, garbage", send: withAuthorization("Bearer garbage"), bearer: invalid},
	{name: "bearer, malformed", send: withAuthorization("Bearer two words"), bearer: malformed},
	{name: "bearer, of scheme Basic", otherScheme: true, send: withAuthorization("Basic b3duOnBhc3M=")},
	{name: "bearer, the refresh token", send: bearer(func(_ *world.Seeder, own, _ *world.Member) string { return own.RefreshToken }), bearer: invalid},
	{name: "bearer, the cookie's value", send: bearer(func(_ *world.Seeder, own, _ *world.Member) string { return own.Cookie }), bearer: invalid},
	{name: "bearer, in the query string", unknownQuery: true, send: func(_ *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return withQuery(c, "access_token", own.AccessToken)
	}},
	{name: "bearer, from another site", withCostly: true, send: withHeaders(bearer(ownToken), "Sec-Fetch-Site", fromCrossSite, "Origin", evilOrigin), bearer: valid, crossSite: true},
	{name: "bearer, from a file", send: withHeaders(bearer(ownToken), "Sec-Fetch-Site", fromCrossSite, "Origin", "null"), bearer: valid, crossSite: true},

	{name: "cookie", withCostly: true, send: world.WithSession, cookie: valid, xsrf: true},
	{name: "cookie, group Admin", group: world.GroupAdmin, send: world.WithSession, cookie: valid, xsrf: true},
	{name: "cookie, group Member", group: "Member", send: world.WithSession, cookie: valid, xsrf: true},
	{name: "cookie, group None", group: account.GroupNone, send: world.WithSession, cookie: valid, xsrf: true},
	{name: "cookie, another person's", send: func(s *world.Seeder, c world.Call, _, other *world.Member) world.Call {
		return world.WithSession(s, c, other, nil)
	}, cookie: valid, xsrf: true, otherCookie: true},
	{name: "cookie, account deleted", before: world.DeleteAccount, send: world.WithSession, cookie: invalid},
	{name: "cookie, account disabled", before: world.DisableAccount, send: world.WithSession, cookie: invalid},
	{name: "cookie, session ended", withCostly: true, before: world.EndSessions, send: world.WithSession, cookie: invalid},
	{name: "cookie, session expired", before: world.ExpireSessions, send: world.WithSession, cookie: invalid},
	{name: "cookie, value replaced long ago", before: world.ExpireCookies, send: world.WithSession, cookie: invalid},
	{name: "cookie, value replaced just now", before: world.ReplaceCookies, send: world.WithSession, cookie: valid, xsrf: true},
	{name: "cookie, signed in long ago", before: world.AgeSignIn, send: world.WithSession, cookie: valid, xsrf: true, oldSignIn: true},
	{name: "cookie, garbage", send: withSessionCookie(func(_, _ *world.Member) string { return "garbage" }), cookie: invalid, xsrf: true},
	{name: "cookie, the access token", send: withSessionCookie(func(own, _ *world.Member) string { return own.AccessToken }), cookie: invalid, xsrf: true},
	{name: "cookie, the refresh token", send: withSessionCookie(func(own, _ *world.Member) string { return own.RefreshToken }), cookie: invalid, xsrf: true},
	{name: "cookie, the session's id", send: withSessionCookie(func(own, _ *world.Member) string { return own.BrowserSession }), cookie: invalid, xsrf: true},
	{name: "cookie, twice", send: withSessionCookie(func(own, other *world.Member) string { return own.Cookie + "; __Host-TOKEN=" + other.Cookie }), xsrf: true},
	{name: "cookie, in the query string", unknownQuery: true, xsrf: true, send: func(s *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return withQuery(world.WithoutSession(s, c, own, nil), "__Host-TOKEN", own.Cookie)
	}},
	{name: "cookie, no XSRF", withCostly: true, send: func(_ *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return c.WithCookies(world.BrowserCookies(own))
	}, cookie: valid},
	{name: "cookie, XSRF garbage", send: withXSRF(func(*world.Seeder, *world.Member, *world.Member) string { return "garbage" }), cookie: valid},
	{name: "cookie, XSRF of another session", withCostly: true, send: withXSRF(func(s *world.Seeder, _, other *world.Member) string { return s.XSRFToken(other) }), cookie: valid},
	{name: "cookie, XSRF of before the sign-in", send: withXSRF(func(s *world.Seeder, own, _ *world.Member) string { return s.XSRFTokenBeforeSignIn(own) }), cookie: valid},
	{name: "cookie, XSRF for an empty name", send: withXSRF(func(s *world.Seeder, _, _ *world.Member) string { return s.XSRFGuard.Mint("") }), cookie: valid},
	{name: "cookie, XSRF in its cookie only", send: func(s *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return c.WithCookies(world.BrowserCookies(own) + "; XSRF-TOKEN=" + s.XSRFToken(own))
	}, cookie: valid},
	{name: "cookie, from another site", withCostly: true, send: withHeaders(world.WithSession, "Sec-Fetch-Site", fromCrossSite), cookie: valid, xsrf: true, crossSite: true},
	{name: "cookie, from a sister site", send: withHeaders(world.WithSession, "Sec-Fetch-Site", "same-site"), cookie: valid, xsrf: true, crossSite: true},
	{name: "cookie, from an evil origin", send: withHeaders(world.WithSession, "Origin", evilOrigin), cookie: valid, xsrf: true, crossSite: true},
	{name: "cookie, from the console's origin", withCostly: true, send: withHeaders(world.WithSession, "Sec-Fetch-Site", fromCrossSite, "Origin", world.ConsoleOrigin), cookie: valid, xsrf: true},

	{name: "visitor", withCostly: true, send: world.WithoutSession, xsrf: true},
	{name: "visitor, no XSRF", withCostly: true, send: func(_ *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return c.WithCookies("__Host-PRE=" + own.PreSession)
	}},
	{name: "visitor, XSRF of another browser", send: func(s *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return world.WithoutSession(s, c, own, nil).With("X-XSRF-TOKEN", s.XSRFTokenBeforeSignIn(other))
	}},
	{name: "visitor, XSRF of a session", send: func(s *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return world.WithoutSession(s, c, own, nil).With("X-XSRF-TOKEN", s.XSRFToken(own))
	}},
	{name: "visitor, XSRF and no cookie", send: func(s *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return c.With("X-XSRF-TOKEN", s.XSRFTokenBeforeSignIn(own))
	}},
	{name: "visitor, from another site", send: withHeaders(world.WithoutSession, "Sec-Fetch-Site", fromCrossSite), xsrf: true, crossSite: true},
	{name: "visitor, from an evil origin", withCostly: true, send: withHeaders(world.WithoutSession, "Origin", evilOrigin), xsrf: true, crossSite: true},
	{name: "visitor, from the console's origin", send: withHeaders(world.WithoutSession, "Sec-Fetch-Site", fromCrossSite, "Origin", world.ConsoleOrigin), xsrf: true},

	{name: "both", withCostly: true, send: bearerAnd(world.WithSession, ownToken), cookie: valid, bearer: valid, xsrf: true},
	{name: "both, another's bearer", send: bearerAnd(world.WithSession, func(_ *world.Seeder, _, other *world.Member) string { return other.AccessToken }),
		cookie: valid, bearer: valid, xsrf: true, otherBearer: true},
	{name: "both, another's cookie", send: func(s *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return bearer(ownToken)(s, world.WithSession(s, c, other, nil), own, other)
	}, cookie: valid, bearer: valid, xsrf: true, otherCookie: true},
	{name: "both, the bearer forged", send: bearerAnd(world.WithSession, func(*world.Seeder, *world.Member, *world.Member) string { return "e30.e30.e30" }),
		cookie: valid, bearer: invalid, xsrf: true},
	{name: "both, the bearer malformed", send: bearerAnd(world.WithSession, func(*world.Seeder, *world.Member, *world.Member) string { return "two words" }),
		cookie: valid, bearer: malformed, xsrf: true},
	{name: "both, the cookie garbage", send: bearerAnd(withSessionCookie(func(_, _ *world.Member) string { return "garbage" }), ownToken),
		cookie: invalid, bearer: valid, xsrf: true},
	{name: "both, no XSRF", send: func(_ *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return c.WithCookies(world.BrowserCookies(own)).With("Authorization", "Bearer "+own.AccessToken)
	}, cookie: valid, bearer: valid},
}

// bearerAnd sends both credentials.
func bearerAnd(send func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call, token func(s *world.Seeder, own, other *world.Member) string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(s *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return bearer(token)(s, send(s, c, own, other), own, other)
	}
}

// groupOf returns own's member group. If the state does not name one, it is a group that may call the operation.
func (s state) groupOf(o world.Operation) string {
	switch {
	case s.group != "":
		return s.group
	case s.byRight:
		return rightsOfTheTable(o)
	case o.IsAdmin():
		return world.GroupAdmin
	default:
		return account.GroupNone
	}
}

// refused returns the refusal that follows from the operation's security and surface alone, or an empty string if the
// call reaches the operation.
func (s state) refused(o world.Operation) string {
	switch {
	case o.IsAdmin():
		return s.refusedToAdminister(o)
	case o.RefusesOtherSites() && s.crossSite:
		return "403 CROSS_SITE"
	case o.RequiresScheme("bearer") && s.bearer != valid:
		return map[validity]string{absent: "401 UNAUTHENTICATED", malformed: "400 INVALID_REQUEST", invalid: "401 TOKEN_INVALID"}[s.bearer]
	case o.RequiresScheme("sessionCookie") && s.cookie != valid:
		return map[validity]string{absent: "401 UNAUTHENTICATED", invalid: "401 TOKEN_INVALID"}[s.cookie]
	case o.RequiresScheme("xsrf") && !s.xsrf:
		return "403 XSRF_INVALID"
	case s.unknownQuery && o.Extensions["x-extra-query"] == nil:
		return "400 INVALID_REQUEST"
	}

	return ""
}

// refusedToAdminister is refused for the operations that accept either credential: if there is an Authorization header,
// it is the one that counts.
func (s state) refusedToAdminister(o world.Operation) string {
	writes := o.Method != http.MethodGet
	group, judged := s.groupOf(o), s.bearer

	if s.otherScheme || s.bearer != absent {
		if s.otherBearer {
			group = account.GroupNone
		}
	} else {
		if writes && s.crossSite {
			return "403 CROSS_SITE"
		}

		judged = s.cookie
		if s.otherCookie {
			group = account.GroupNone
		}
	}

	switch {
	case judged == absent:
		return "401 UNAUTHENTICATED"
	case judged == malformed:
		return "400 INVALID_REQUEST"
	case judged == invalid:
		return "401 TOKEN_INVALID"
	case s.bearer == absent && writes && !s.xsrf:
		return "403 XSRF_INVALID"
	case !s.mayAdminister(o, group):
		return "403 RIGHT_MISSING"
	case s.unknownQuery:
		return "400 INVALID_REQUEST"
	}

	return ""
}

// isOther reports whether the credential that the operation reads belongs to another user than the object's owner.
func (s state) isOther(o world.Operation) bool {
	return o.IsPublic() && s.otherCookie || !o.IsPublic() && s.otherBearer
}

// signedIn reports whether the browser has a live session, for operations that do not require one.
func (s state) signedIn() bool { return s.cookie == valid }
