// Package toolkit is the surface of the four client apps: bearer tokens, JSON and one form. A
// handler reads its input, calls one method, and builds the response. The domain decides what is
// allowed; the pipeline decides who calls.
package toolkit

import (
	"context"
	"net/http"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/passwordreset"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/domain/registration"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
	"github.com/konec/toolkit-gateway/internal/surface/export"
)

// Deps are what Toolkit is made of.
type Deps struct {
	SignIn        *signin.SignIn
	Sessions      *session.Sessions
	Devices       *device.Devices
	Registrations *registration.Registration
	Recovery      *passwordreset.Resets
	Profiles      *profile.Profiles
	Log           *audit.Reader
	Exporter      *export.Exporter
	Places        *geo.Locator
}

// Toolkit implements the operations of the Toolkit surface.
type Toolkit struct {
	signin        *signin.SignIn
	sessions      *session.Sessions
	devices       *device.Devices
	registrations *registration.Registration
	recovery      *passwordreset.Resets
	profiles      *profile.Profiles
	log           *audit.Reader
	exporter      *export.Exporter
	places        *geo.Locator
}

// New makes Toolkit.
func New(d Deps) *Toolkit {
	return &Toolkit{
		signin: d.SignIn, sessions: d.Sessions, devices: d.Devices, registrations: d.Registrations, recovery: d.Recovery, profiles: d.Profiles,
		log: d.Log, exporter: d.Exporter, places: d.Places,
	}
}

// Bearer is the security scheme of this surface: an access token of a live session.
func (t *Toolkit) Bearer() httpapi.Scheme {
	return httpapi.Scheme{
		Presented: httpapi.BearerPresented,
		Challenge: httpapi.BearerChallenge,
		Authenticate: func(r *http.Request) (context.Context, error) {
			raw, err := httpapi.Bearer(r)
			if err != nil {
				return nil, err
			}

			who, err := t.sessions.Authenticate(r.Context(), raw)
			if err != nil {
				return nil, err
			}

			return session.WithPrincipal(r.Context(), who), nil
		},
	}
}

// who returns the caller; it panics unless the operation requires bearer.
func who(ctx context.Context) session.Principal { return session.PrincipalFrom(ctx) }

// withDevice adds the device token that the request carries.
func withDevice(ctx context.Context, token *api.DeviceToken) context.Context {
	return device.With(ctx, device.Sent{Token: device.Token(convert.Text(token))})
}

// Refresh renews the tokens of a session.
func (t *Toolkit) Refresh(ctx context.Context, r api.RefreshRequestObject) (api.RefreshResponseObject, error) {
	tokens, err := t.sessions.Refresh(ctx, r.Body.RefreshToken)
	if err != nil {
		return nil, err
	}

	return api.Refresh200JSONResponse(toAPITokens(tokens)), nil
}

// Reauthenticate makes the sign-in of the session a fresh one.
func (t *Toolkit) Reauthenticate(ctx context.Context, r api.ReauthenticateRequestObject) (api.ReauthenticateResponseObject, error) {
	tokens, err := t.signin.ReauthenticateApp(ctx, who(ctx), convert.Confirmation(*r.Body))
	if err != nil {
		return nil, err
	}

	return api.Reauthenticate200JSONResponse(toAPIAccessToken(tokens)), nil
}

// Logout ends the session of the access token.
func (t *Toolkit) Logout(ctx context.Context, _ api.LogoutRequestObject) (api.LogoutResponseObject, error) {
	if err := t.sessions.End(ctx, who(ctx)); err != nil {
		return nil, err
	}

	return api.Logout204Response{}, nil
}
