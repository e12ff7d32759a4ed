package public

import (
	"context"
	"errors"
	"net/http"

	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

const headerXSRF = "X-XSRF-TOKEN"

type browserKey struct{}

// who returns the caller; it panics unless the operation requires session.
func who(ctx context.Context) session.Browser {
	return *signedIn(ctx)
}

// signedIn returns nil if no one is signed in, in an operation that requires no session.
func signedIn(ctx context.Context) *session.Browser {
	browser, _ := ctx.Value(browserKey{}).(*session.Browser)

	return browser
}

// Session is the security scheme of the cookie: a live session.
func (p *Public) Session() httpapi.Scheme {
	return httpapi.Scheme{
		Presented: func(r *http.Request) bool { return len(r.CookiesNamed(cookieSession)) > 0 },
		Authenticate: func(r *http.Request) (context.Context, error) {
			browser, err := p.browser(r.Context())
			if err != nil {
				return nil, err
			}

			ctx := session.WithPrincipal(r.Context(), browser.Principal)

			return context.WithValue(ctx, browserKey{}, &browser), nil
		},
		Challenge: p.challenge,
	}
}

// browser returns the session of the cookie.
func (p *Public) browser(ctx context.Context) (session.Browser, error) {
	cookie, there := httpapi.Cookie(ctx, cookieSession)
	if !there {
		return session.Browser{}, problem.ErrUnauthenticated
	}

	return p.sessions.AuthenticateBrowser(ctx, session.Cookie(cookie))
}

// XSRF is the security scheme of the header. The token must be bound to the session if the browser has a live
// one, and otherwise to the browser itself: a token from before a sign-in is worthless after it.
func (p *Public) XSRF() httpapi.Scheme {
	return httpapi.Scheme{
		Presented: func(r *http.Request) bool { return r.Header.Get(headerXSRF) != "" },
		Authenticate: func(r *http.Request) (context.Context, error) {
			ctx, token := r.Context(), r.Header.Get(headerXSRF)

			if browser := signedIn(ctx); browser != nil {
				return ctx, p.checkXSRF(token, browser.SessionID)
			}

			browser, err := p.browser(ctx)

			switch {
			case err == nil:
				return context.WithValue(ctx, browserKey{}, &browser), p.checkXSRF(token, browser.SessionID)
			case !errors.Is(err, problem.ErrUnauthenticated) && !errors.Is(err, problem.ErrTokenInvalid):
				return nil, err
			}

			id, named := httpapi.Cookie(ctx, cookieBrowser)
			if !named {
				return nil, problem.ErrXSRFInvalid // nothing is bound to a browser without a name
			}

			return ctx, p.checkXSRF(token, browserBinding(id))
		},
		Challenge: p.challenge,
	}
}

func (p *Public) checkXSRF(token, binding string) error {
	if !p.xsrf.Valid(token, binding) {
		return problem.ErrXSRFInvalid
	}

	return nil
}

// challenge sets the cookies that the next attempt needs, so that it works without another GET /.
func (p *Public) challenge(_ http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, problem.ErrXSRFInvalid):
		p.clearTwins(r)

		if browser, err := p.current(r.Context()); err == nil && browser != nil {
			p.setXSRF(r.Context(), browser.SessionID)

			return
		}

		p.setFresh(r.Context())
	case errors.Is(err, problem.ErrUnauthenticated), errors.Is(err, problem.ErrTokenInvalid):
		p.setFresh(r.Context())
	}
}

// current returns who is signed in, nil for no one, in an operation that requires no session.
func (p *Public) current(ctx context.Context) (*session.Browser, error) {
	if browser := signedIn(ctx); browser != nil {
		return browser, nil
	}

	browser, err := p.browser(ctx)

	switch {
	case err == nil:
		return &browser, nil
	case errors.Is(err, problem.ErrUnauthenticated), errors.Is(err, problem.ErrTokenInvalid):
		return nil, nil //nolint:nilnil // no one is signed in, which is not an error
	}

	return nil, err
}
