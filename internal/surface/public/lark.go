package public

import (
	"context"
	"net/url"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/federation"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// cookieLark exists while the browser is on its way to Lark and back.
const cookieLark = "__Host-LARK"

// Lark holds the settings that clients receive.
type Lark struct {
	AppID     string // empty: no one can sign in with Lark
	Authorize string // our page, which redirects to Lark's
	Redirect  string // where browsers return to
}

// The console's pages that browsers return to, as earlier servers had them.
const (
	pageBound  = "#/authorized"
	pageFailed = "#/unauthorize"
)

// AuthorizeLark redirects the browser to Lark.
func (p *Public) AuthorizeLark(ctx context.Context, r api.AuthorizeLarkRequestObject) (api.AuthorizeLarkResponseObject, error) {
	if p.settings.Lark.AppID == "" {
		return nil, errNotConfigured
	}

	action, locale := fromAPILarkState(r.Params.State)

	var (
		browser *session.Browser
		err     error
	)

	if action == federation.Bind {
		if browser, err = p.current(ctx); err != nil {
			return nil, err
		}
	}

	departure, failed := p.identities.Authorize(action, locale, browser)
	if failed != nil {
		return larkPage(p.consolePage(locale, "", failed)), nil
	}

	httpapi.SetCookie(ctx, hostCookie(cookieLark, departure.Cookie, federation.Lifetime))

	return larkPage(departure.Page), nil
}

// AuthorizeLarkForApp redirects a browser that an app has opened to Lark.
func (p *Public) AuthorizeLarkForApp(ctx context.Context, r api.AuthorizeLarkForAppRequestObject) (api.AuthorizeLarkForAppResponseObject, error) {
	if p.settings.Lark.AppID == "" {
		return nil, errNotConfigured
	}

	departure, err := p.identities.AuthorizeApp(federation.AppRequest{
		Redirect: r.Params.RedirectURI, Challenge: r.Params.CodeChallenge, State: convert.Text(r.Params.State),
	})
	if err != nil {
		return nil, err
	}

	httpapi.SetCookie(ctx, hostCookie(cookieLark, departure.Cookie, federation.Lifetime))

	return api.AuthorizeLarkForApp302Response{Headers: api.AuthorizeLarkForApp302ResponseHeaders{Location: departure.Page}}, nil
}

func larkPage(location string) api.AuthorizeLark302Response {
	return api.AuthorizeLark302Response{Headers: api.AuthorizeLark302ResponseHeaders{Location: location}}
}

// ReturnFromLark completes what AuthorizeLark began.
func (p *Public) ReturnFromLark(ctx context.Context, r api.ReturnFromLarkRequestObject) (api.ReturnFromLarkResponseObject, error) {
	if p.settings.Lark.AppID == "" {
		return nil, errNotConfigured
	}

	browser, err := p.current(ctx)
	if err != nil {
		return nil, err
	}

	cookie, _ := httpapi.Cookie(ctx, cookieLark)

	outcome, err := p.identities.HandleCallback(withDevice(ctx), p.signin.Browser(browser), browser, fromAPIReturn(cookie, r.Params))
	if err != nil {
		return nil, err
	}

	// Any site can send browsers here: a callback that does not match this OAuth state does not end it.
	if outcome.Action != "" {
		httpapi.SetCookie(ctx, hostCookie(cookieLark, "", 0))
	}

	if outcome.Opened != nil {
		p.openSession(ctx, *outcome.Opened)
	}

	if outcome.Ticket != "" {
		p.holdTicket(ctx, browser, string(outcome.Ticket))
	}

	location, ofApp := outcome.AppPage()
	if !ofApp {
		page := ""
		if outcome.Action == federation.Bind {
			page = pageBound
		}

		location = p.consolePage(outcome.Locale, page, outcome.Failed)
	}

	return api.ReturnFromLark302Response{Headers: api.ReturnFromLark302ResponseHeaders{Location: location}}, nil
}

// holdTicket gives the browser its ticket. While a session lives, its XSRF token goes on.
func (p *Public) holdTicket(ctx context.Context, browser *session.Browser, ticket string) {
	if browser == nil {
		p.nameBrowser(ctx, ticket)
	} else {
		httpapi.SetCookie(ctx, hostCookie(cookieBrowser, ticket, code.IdentityTicket.Lifetime))
	}
}

// SignInWithLark completes a sign-in of ReturnFromLark with the second factor.
func (p *Public) SignInWithLark(ctx context.Context, r api.SignInWithLarkRequestObject) (api.SignInWithLarkResponseObject, error) {
	ticket, _ := httpapi.Cookie(ctx, cookieBrowser)

	ctx, browser := p.signInBrowser(ctx)

	opened, err := browser.WithTicket(device.WithTrust(ctx, r.Body.TrustDevice), signin.Ticket(ticket), r.Body.Totp)
	if err != nil {
		return nil, err
	}

	p.openSession(ctx, opened)

	return api.SignInWithLark204Response{}, nil
}

// consolePage returns where the browser goes next. Of the request it contains only a locale that the document
// accepts: the rest is from the settings and from here.
func (p *Public) consolePage(locale, page string, failed *problem.Problem) string {
	address := p.settings.ConsoleURL + "/"
	if locale != "" {
		address += locale + "/"
	}

	if failed != nil {
		return address + "?" + url.Values{"error": {failed.Code}}.Encode() + pageFailed
	}

	return address + page
}
