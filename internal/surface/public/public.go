// Package public is the surface of the browser console: a session cookie, an XSRF header, JSON. A
// handler reads its input, calls one method, and builds the response. The domain decides what is allowed;
// the pipeline decides who calls.
package public

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/bootstrap"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/federation"
	"github.com/konec/toolkit-gateway/internal/domain/passwordreset"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/domain/registration"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/xsrf"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
	"github.com/konec/toolkit-gateway/internal/surface/export"
)

// Settings are those that only this surface knows.
type Settings struct {
	ServerName       string            // the name that GET / returns; the host's if empty
	Values           map[string]string // the values that GET / returns to this machine; nil in release mode
	Host             string            // of the server's own address
	XSRFCookieDomain string            // empty for a cookie of this host only
	SessionLifetime  time.Duration     // of the cookie in the browser; the server keeps its own time
	ConfirmEmail     bool              // whether a new address must be proved
	EmailPage        string            // the address of the page behind the link of an e-mail change
	FirstRunPage     string            // the address of the page that creates the first administrator
	ResetPage        string            // the address of the page behind the link of a reset
	SignUpPage       string            // the address of the page behind the link of a registration
	Upload           Upload
	Lark             Lark
	ConsoleURL       string // where the browser console is
}

// Deps are what Public is made of.
type Deps struct {
	SignIn        *signin.SignIn
	Sessions      *session.Sessions
	Devices       *device.Devices
	Profiles      *profile.Profiles
	Recovery      *passwordreset.Resets
	Registrations *registration.Registration
	Identities    *federation.Identities
	FirstRun      *bootstrap.Bootstrap
	XSRF          *xsrf.Guard
	Log           *audit.Reader
	Exporter      *export.Exporter
	Places        *geo.Locator
	Now           func() time.Time
	Settings      Settings
}

// Public implements the operations of the public surface.
type Public struct {
	signin        *signin.SignIn
	sessions      *session.Sessions
	devices       *device.Devices
	profiles      *profile.Profiles
	recovery      *passwordreset.Resets
	registrations *registration.Registration
	identities    *federation.Identities
	firstRun      *bootstrap.Bootstrap
	xsrf          *xsrf.Guard
	log           *audit.Reader
	exporter      *export.Exporter
	places        *geo.Locator
	now           func() time.Time
	settings      Settings
}

// New makes Public.
func New(d Deps) *Public {
	p := &Public{
		signin: d.SignIn, sessions: d.Sessions, devices: d.Devices, profiles: d.Profiles, recovery: d.Recovery, registrations: d.Registrations, identities: d.Identities, firstRun: d.FirstRun,
		xsrf: d.XSRF, log: d.Log, exporter: d.Exporter, places: d.Places, now: d.Now, settings: d.Settings,
	}

	if p.settings.ServerName == "" {
		p.settings.ServerName = hostName()
	}

	return p
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "toolkit-gateway"
	}

	return name
}

// Load sets the XSRF cookies.
func (p *Public) Load(ctx context.Context, _ api.LoadRequestObject) (api.LoadResponseObject, error) {
	browser, err := p.current(ctx)
	if err != nil {
		return nil, err
	}

	if browser != nil {
		p.setXSRF(ctx, browser.SessionID)
	} else {
		p.setFresh(ctx)
	}

	values := p.settings.Values
	if !httpapi.Local(ctx) {
		values = nil
	}

	return api.Load200JSONResponse{Body: api.Load{
		Name: p.settings.ServerName, IP: convert.Address(origin.From(ctx).Address), Now: convert.Time(p.now()), Values: values,
	}}, nil
}

// Verify succeeds if the session is live: otherwise its security scheme refuses the request.
func (p *Public) Verify(context.Context, api.VerifyRequestObject) (api.VerifyResponseObject, error) {
	return api.Verify204Response{}, nil
}

// CreateRefreshCode creates a code for RenewSession.
func (p *Public) CreateRefreshCode(ctx context.Context, _ api.CreateRefreshCodeRequestObject) (api.CreateRefreshCodeResponseObject, error) {
	code, err := p.sessions.RefreshCode(ctx, who(ctx))
	if err != nil {
		return nil, err
	}

	return api.CreateRefreshCode200JSONResponse{Code: code}, nil
}

// RenewSession gives the browser a new value of its cookie.
func (p *Public) RenewSession(ctx context.Context, r api.RenewSessionRequestObject) (api.RenewSessionResponseObject, error) {
	browser := who(ctx)

	cookie, err := p.sessions.Renew(ctx, browser, r.Body.Code)
	if errors.Is(err, problem.ErrTokenInvalid) {
		p.setFresh(ctx) // the session has just ended: set what the next attempt needs, as with every 401
	}

	if err != nil {
		return nil, err
	}

	p.setSession(ctx, browser.SessionID, cookie)

	return api.RenewSession204Response{}, nil
}

// ReauthenticateBrowser makes the sign-in of the session a fresh one.
func (p *Public) ReauthenticateBrowser(
	ctx context.Context, r api.ReauthenticateBrowserRequestObject,
) (api.ReauthenticateBrowserResponseObject, error) {
	browser := who(ctx)

	cookie, err := p.signin.ReauthenticateBrowser(ctx, browser, convert.Confirmation(*r.Body))
	if errors.Is(err, problem.ErrTokenInvalid) {
		p.setFresh(ctx) // the session has just ended
	}

	if err != nil {
		return nil, err
	}

	p.setSession(ctx, browser.SessionID, cookie)

	return api.ReauthenticateBrowser204Response{}, nil
}

// SignOut ends the session, if there is one.
func (p *Public) SignOut(ctx context.Context, _ api.SignOutRequestObject) (api.SignOutResponseObject, error) {
	if browser := signedIn(ctx); browser != nil {
		if err := p.sessions.End(ctx, browser.Principal); err != nil {
			return nil, err
		}
	}

	httpapi.SetCookie(ctx, hostCookie(cookieSession, "", 0))
	p.setFresh(ctx)

	return api.SignOut204Response{}, nil
}

// GetUser returns the account that was read with the session, and its last sign-in.
func (p *Public) GetUser(ctx context.Context, _ api.GetUserRequestObject) (api.GetUserResponseObject, error) {
	browser := who(ctx)

	last, found, err := p.log.LastSignIn(ctx, browser.Account.ID)
	if err != nil {
		return nil, err
	}

	security, err := p.profiles.Security(ctx, browser.Account.ID)
	if err != nil {
		return nil, err
	}

	user := toAPIUser(browser, security)
	user.History = convert.LastSignIn(last, found, p.places, origin.From(ctx).Language)

	return api.GetUser200JSONResponse(user), nil
}
