package authorization_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
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
	happened func(t *testing.T, k *world.Seeder, own *world.Member)
	send     func(k *world.Seeder, c world.Call, own, other *world.Member) world.Call

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

func nothing(_ *world.Seeder, c world.Call, _, _ *world.Member) world.Call { return c }

func bearer(token func(k *world.Seeder, own, other *world.Member) string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(k *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return c.With("Authorization", "Bearer "+token(k, own, other))
	}
}

// bearing is a header that is no good whoever sends it.
func bearing(header string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(_ *world.Seeder, c world.Call, _, _ *world.Member) world.Call {
		return c.With("Authorization", header)
	}
}

func ownToken(_ *world.Seeder, own, _ *world.Member) string { return own.AccessToken }

// browsingWith is own's browser, with the XSRF token of another.
func browsingWith(token func(k *world.Seeder, own, other *world.Member) string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(k *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return c.WithCookies(world.BrowserCookies(own)).With("X-XSRF-TOKEN", token(k, own, other))
	}
}

// planted is own's browser, with something else for a session, and the XSRF token of before a sign-in.
func planted(value func(own, other *world.Member) string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(k *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return c.WithCookies("__Host-TOKEN="+value(own, other)+"; __Host-PRE="+own.PreSession).With("X-XSRF-TOKEN", k.XSRFTokenBeforeSignIn(own))
	}
}

// from adds what a browser says about the page.
func asking(send func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call, headers ...string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(k *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		c = send(k, c, own, other)
		for i := 0; i < len(headers); i += 2 {
			c = c.With(headers[i], headers[i+1])
		}

		return c
	}
}

// with another parameter in the query string.
func withQuery(c world.Call, name, value string) world.Call {
	if c.Query != "" {
		c.Query += "&"
	}

	c.Query += name + "=" + value

	return c
}

// states are those of the authorization matrix.
var states = []state{
	{name: "nothing", first: true, send: nothing},
	{name: "nothing, from another site", send: asking(nothing, "Sec-Fetch-Site", fromCrossSite), elsewhere: true},

	{name: "bearer", first: true, send: bearer(ownToken), bearer: worthy},
	{name: "bearer, group Admin", group: world.GroupAdmin, send: bearer(ownToken), bearer: worthy},
	{name: "bearer, group Member", group: "Member", send: bearer(ownToken), bearer: worthy},
	{name: "bearer, group Tester", group: "Tester", send: bearer(ownToken), bearer: worthy},
	{name: "bearer, group None", group: account.GroupNone, send: bearer(ownToken), bearer: worthy},
	{name: "bearer, another person's", send: bearer(func(_ *world.Seeder, _, other *world.Member) string { return other.AccessToken }), bearer: worthy, otherBearer: true},
	{name: "bearer, account deleted", happened: world.Remove, send: bearer(ownToken), bearer: worthless},
	{name: "bearer, account disabled", happened: world.Disable, send: bearer(ownToken), bearer: worthless},
	{name: "bearer, session ended", happened: world.End, send: bearer(ownToken), bearer: worthless},
	{name: "bearer, session expired", happened: world.Expire, send: bearer(ownToken), bearer: worthless},
	{name: "bearer, token expired", send: bearer(func(k *world.Seeder, own, _ *world.Member) string {
		return k.ForgeToken(own, own.AppSession, k.Clock.Now().Add(-2*time.Hour))
	}), bearer: worthless},
	{name: "bearer, for the browser's session", send: bearer(func(k *world.Seeder, own, _ *world.Member) string {
		return k.ForgeToken(own, own.BrowserSession, k.Clock.Now())
	}), bearer: worthless},
	{name: "bearer, for another's session", send: bearer(func(k *world.Seeder, own, other *world.Member) string {
		return k.ForgeToken(own, other.AppSession, k.Clock.Now())
	}), bearer: worthless},
	{name: "bearer, forged", send: bearing("Bearer e30.e30.e30"), bearer: worthless},
	{name: "bearer, garbage", send: bearing("Bearer garbage"), bearer: worthless},
	{name: "bearer, malformed", send: bearing("Bearer two words"), bearer: malformed},
	{name: "bearer, of scheme Basic", header: true, send: bearing("Basic b3duOnBhc3M=")},
	{name: "bearer, the refresh token", send: bearer(func(_ *world.Seeder, own, _ *world.Member) string { return own.RefreshToken }), bearer: worthless},
	{name: "bearer, the cookie's value", send: bearer(func(_ *world.Seeder, own, _ *world.Member) string { return own.Cookie }), bearer: worthless},
	{name: "bearer, in the query string", spoiled: true, send: func(_ *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return withQuery(c, "access_token", own.AccessToken)
	}},
	{name: "bearer, from another site", first: true, send: asking(bearer(ownToken), "Sec-Fetch-Site", fromCrossSite, "Origin", evil), bearer: worthy, elsewhere: true},
	{name: "bearer, from a file", send: asking(bearer(ownToken), "Sec-Fetch-Site", fromCrossSite, "Origin", "null"), bearer: worthy, elsewhere: true},

	{name: "cookie", first: true, send: world.Browsing, cookie: worthy, xsrf: true},
	{name: "cookie, group Admin", group: world.GroupAdmin, send: world.Browsing, cookie: worthy, xsrf: true},
	{name: "cookie, group Member", group: "Member", send: world.Browsing, cookie: worthy, xsrf: true},
	{name: "cookie, group None", group: account.GroupNone, send: world.Browsing, cookie: worthy, xsrf: true},
	{name: "cookie, another person's", send: func(k *world.Seeder, c world.Call, _, other *world.Member) world.Call {
		return world.Browsing(k, c, other, nil)
	}, cookie: worthy, xsrf: true, otherCookie: true},
	{name: "cookie, account deleted", happened: world.Remove, send: world.Browsing, cookie: worthless},
	{name: "cookie, account disabled", happened: world.Disable, send: world.Browsing, cookie: worthless},
	{name: "cookie, session ended", first: true, happened: world.End, send: world.Browsing, cookie: worthless},
	{name: "cookie, session expired", happened: world.Expire, send: world.Browsing, cookie: worthless},
	{name: "cookie, value replaced long ago", happened: world.Retire, send: world.Browsing, cookie: worthless},
	{name: "cookie, value replaced just now", happened: world.Replace, send: world.Browsing, cookie: worthy, xsrf: true},
	{name: "cookie, signed in long ago", happened: world.Ageing, send: world.Browsing, cookie: worthy, xsrf: true, old: true},
	{name: "cookie, garbage", send: planted(func(_, _ *world.Member) string { return "garbage" }), cookie: worthless, xsrf: true},
	{name: "cookie, the access token", send: planted(func(own, _ *world.Member) string { return own.AccessToken }), cookie: worthless, xsrf: true},
	{name: "cookie, the refresh token", send: planted(func(own, _ *world.Member) string { return own.RefreshToken }), cookie: worthless, xsrf: true},
	{name: "cookie, the session's id", send: planted(func(own, _ *world.Member) string { return own.BrowserSession }), cookie: worthless, xsrf: true},
	{name: "cookie, twice", send: planted(func(own, other *world.Member) string { return own.Cookie + "; __Host-TOKEN=" + other.Cookie }), xsrf: true},
	{name: "cookie, in the query string", spoiled: true, xsrf: true, send: func(k *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return withQuery(world.Visiting(k, c, own, nil), "__Host-TOKEN", own.Cookie)
	}},
	{name: "cookie, no XSRF", first: true, send: func(_ *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return c.WithCookies(world.BrowserCookies(own))
	}, cookie: worthy},
	{name: "cookie, XSRF garbage", send: browsingWith(func(*world.Seeder, *world.Member, *world.Member) string { return "garbage" }), cookie: worthy},
	{name: "cookie, XSRF of another session", first: true, send: browsingWith(func(k *world.Seeder, _, other *world.Member) string { return k.XSRFToken(other) }), cookie: worthy},
	{name: "cookie, XSRF of before the sign-in", send: browsingWith(func(k *world.Seeder, own, _ *world.Member) string { return k.XSRFTokenBeforeSignIn(own) }), cookie: worthy},
	{name: "cookie, XSRF for an empty name", send: browsingWith(func(k *world.Seeder, _, _ *world.Member) string { return k.XSRFGuard.Mint("") }), cookie: worthy},
	{name: "cookie, XSRF in its cookie only", send: func(k *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return c.WithCookies(world.BrowserCookies(own) + "; XSRF-TOKEN=" + k.XSRFToken(own))
	}, cookie: worthy},
	{name: "cookie, from another site", first: true, send: asking(world.Browsing, "Sec-Fetch-Site", fromCrossSite), cookie: worthy, xsrf: true, elsewhere: true},
	{name: "cookie, from a sister site", send: asking(world.Browsing, "Sec-Fetch-Site", "same-site"), cookie: worthy, xsrf: true, elsewhere: true},
	{name: "cookie, from an evil origin", send: asking(world.Browsing, "Origin", evil), cookie: worthy, xsrf: true, elsewhere: true},
	{name: "cookie, from the console's origin", first: true, send: asking(world.Browsing, "Sec-Fetch-Site", fromCrossSite, "Origin", world.ConsoleOrigin), cookie: worthy, xsrf: true},

	{name: "visitor", first: true, send: world.Visiting, xsrf: true},
	{name: "visitor, no XSRF", first: true, send: func(_ *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return c.WithCookies("__Host-PRE=" + own.PreSession)
	}},
	{name: "visitor, XSRF of another browser", send: func(k *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return world.Visiting(k, c, own, nil).With("X-XSRF-TOKEN", k.XSRFTokenBeforeSignIn(other))
	}},
	{name: "visitor, XSRF of a session", send: func(k *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return world.Visiting(k, c, own, nil).With("X-XSRF-TOKEN", k.XSRFToken(own))
	}},
	{name: "visitor, XSRF and no cookie", send: func(k *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return c.With("X-XSRF-TOKEN", k.XSRFTokenBeforeSignIn(own))
	}},
	{name: "visitor, from another site", send: asking(world.Visiting, "Sec-Fetch-Site", fromCrossSite), xsrf: true, elsewhere: true},
	{name: "visitor, from an evil origin", first: true, send: asking(world.Visiting, "Origin", evil), xsrf: true, elsewhere: true},
	{name: "visitor, from the console's origin", send: asking(world.Visiting, "Sec-Fetch-Site", fromCrossSite, "Origin", world.ConsoleOrigin), xsrf: true},

	{name: "both", first: true, send: bearerAnd(world.Browsing, ownToken), cookie: worthy, bearer: worthy, xsrf: true},
	{name: "both, another's bearer", send: bearerAnd(world.Browsing, func(_ *world.Seeder, _, other *world.Member) string { return other.AccessToken }),
		cookie: worthy, bearer: worthy, xsrf: true, otherBearer: true},
	{name: "both, another's cookie", send: func(k *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return bearer(ownToken)(k, world.Browsing(k, c, other, nil), own, other)
	}, cookie: worthy, bearer: worthy, xsrf: true, otherCookie: true},
	{name: "both, the bearer forged", send: bearerAnd(world.Browsing, func(*world.Seeder, *world.Member, *world.Member) string { return "e30.e30.e30" }),
		cookie: worthy, bearer: worthless, xsrf: true},
	{name: "both, the bearer malformed", send: bearerAnd(world.Browsing, func(*world.Seeder, *world.Member, *world.Member) string { return "two words" }),
		cookie: worthy, bearer: malformed, xsrf: true},
	{name: "both, the cookie garbage", send: bearerAnd(planted(func(_, _ *world.Member) string { return "garbage" }), ownToken),
		cookie: worthless, bearer: worthy, xsrf: true},
	{name: "both, no XSRF", send: func(_ *world.Seeder, c world.Call, own, _ *world.Member) world.Call {
		return c.WithCookies(world.BrowserCookies(own)).With("Authorization", "Bearer "+own.AccessToken)
	}, cookie: worthy, bearer: worthy},
}

// bearerAnd is both credentials at once.
func bearerAnd(send func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call, token func(k *world.Seeder, own, other *world.Member) string) func(*world.Seeder, world.Call, *world.Member, *world.Member) world.Call {
	return func(k *world.Seeder, c world.Call, own, other *world.Member) world.Call {
		return bearer(token)(k, send(k, c, own, other), own, other)
	}
}

// groupOf is own's member group: where the state does not say, one that may call the operation.
func (s state) groupOf(o world.Operation) string {
	switch {
	case s.group != "":
		return s.group
	case o.IsAdmin():
		return world.GroupAdmin
	default:
		return account.GroupNone
	}
}

// refused is what the contract says before the operation itself is asked, from the operation's security
// and surface alone; empty where it is let through.
func (s state) refused(o world.Operation) string {
	switch {
	case o.IsAdmin():
		return s.refusedToAdminister(o)
	case o.RefusesOtherSites() && s.elsewhere:
		return "403 CROSS_SITE"
	case o.RequiresScheme("bearer") && s.bearer != worthy:
		return map[worth]string{none: "401 UNAUTHENTICATED", malformed: "400 INVALID_REQUEST", worthless: "401 TOKEN_INVALID"}[s.bearer]
	case o.RequiresScheme("session") && s.cookie != worthy:
		return map[worth]string{none: "401 UNAUTHENTICATED", worthless: "401 TOKEN_INVALID"}[s.cookie]
	case o.RequiresScheme("xsrf") && !s.xsrf:
		return "403 XSRF_INVALID"
	case s.spoiled:
		return "400 INVALID_REQUEST"
	}

	return ""
}

// refusedToAdminister is refused of an operation that takes either credential: an Authorization header is the one
// that counts wherever there is one.
func (s state) refusedToAdminister(o world.Operation) string {
	writes := o.Method != http.MethodGet
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
	case group != world.GroupAdmin:
		return "403 RIGHT_MISSING"
	case s.spoiled:
		return "400 INVALID_REQUEST"
	}

	return ""
}

// isOther says that the credential that the operation reads is another person's than the object's owner.
func (s state) isOther(o world.Operation) bool {
	return o.IsPublic() && s.otherCookie || !o.IsPublic() && s.otherBearer
}

// signedIn says that the browser has a session that lives, for operations that do not ask for one.
func (s state) signedIn() bool { return s.cookie == worthy }
