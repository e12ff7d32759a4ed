// Package toolkit is the surface of the four client apps: bearer tokens, JSON and one form. A
// handler reads its input, calls one method, and builds the response. The domain decides what is
// allowed; the pipeline decides who calls.
package toolkit

import (
	"context"
	"net/http"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/domain/registration"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// Toolkit implements the operations of the Toolkit surface.
type Toolkit struct {
	signin       *signin.SignIn
	sessions     *session.Sessions
	devices      *device.Devices
	registration *registration.Registration
	profiles     *profile.Profiles
	places       *geo.Locator
}

// New makes Toolkit.
func New(
	s *signin.SignIn, sessions *session.Sessions, devices *device.Devices, r *registration.Registration, profiles *profile.Profiles, places *geo.Locator,
) *Toolkit {
	return &Toolkit{signin: s, sessions: sessions, devices: devices, registration: r, profiles: profiles, places: places}
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

// Login opens a session.
func (t *Toolkit) Login(ctx context.Context, r api.LoginRequestObject) (api.LoginResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	tokens, err := t.signin.App(withDevice(ctx, r.Params.XDeviceToken), signin.Credentials{
		Email: email, Plain: r.Body.Password, Second: convert.Text(r.Body.Totp),
	})
	if err != nil {
		return nil, err
	}

	return api.Login200JSONResponse{
		Body: toAPITokens(tokens), Headers: api.Login200ResponseHeaders{XDeviceToken: new(string(tokens.Device))},
	}, nil
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

// GetMe returns the account that was read with the session: this operation needs no query of
// its own.
func (t *Toolkit) GetMe(ctx context.Context, _ api.GetMeRequestObject) (api.GetMeResponseObject, error) {
	return api.GetMe200JSONResponse{Success: true, User: toAPIUser(who(ctx).Account)}, nil
}

// ChangeMe changes the name and the number of the picture.
func (t *Toolkit) ChangeMe(ctx context.Context, r api.ChangeMeRequestObject) (api.ChangeMeResponseObject, error) {
	basics := profile.Basics{Avatar: r.Body.Avatar}

	if r.Body.Username != nil {
		name, err := account.ParseName(*r.Body.Username)
		if err != nil {
			return nil, err
		}

		basics.Name = &name
	}

	changed, err := t.profiles.SetBasics(ctx, who(ctx), basics)
	if err != nil {
		return nil, err
	}

	return api.ChangeMe200JSONResponse{Success: true, User: toAPIUser(changed)}, nil
}

var textCodeSent = language.Text{
	Chinese: "验证码已发送，请查收邮件",
	English: "The code has been sent. Please check your mail.",
}

// SendRegistrationCode mails a code.
func (t *Toolkit) SendRegistrationCode(ctx context.Context, r api.SendRegistrationCodeRequestObject) (api.SendRegistrationCodeResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	if err := t.registration.SendCode(ctx, authority.Actor{}, email); err != nil {
		return nil, err
	}

	return api.SendRegistrationCode200JSONResponse{Success: true, Message: textCodeSent.In(origin.From(ctx).Language)}, nil
}

var textRegistered = language.Text{
	Chinese: "用户注册成功，等待管理员分配成员组",
	English: "You are registered. An administrator will assign your member group.",
}

// Register creates an account.
func (t *Toolkit) Register(ctx context.Context, r api.RegisterRequestObject) (api.RegisterResponseObject, error) {
	applicant, err := fromAPIRegister(*r.Body)
	if err != nil {
		return nil, err
	}

	created, err := t.registration.Register(ctx, applicant)
	if err != nil {
		return nil, err
	}

	return api.Register201JSONResponse{
		Success: true, Message: textRegistered.In(origin.From(ctx).Language), User: toAPIUser(created),
	}, nil
}
