package public

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// signInBrowser returns the sign-in of this browser, which ends its previous session, and a context with its device.
func (p *Public) signInBrowser(ctx context.Context) (context.Context, signin.Browser) {
	return withDevice(ctx), p.signin.Browser(signedIn(ctx))
}

// withDevice adds the device token and the session that the browser sends.
func withDevice(ctx context.Context) context.Context {
	value, _ := httpapi.Cookie(ctx, cookieDevice)
	sent := device.Sent{Token: device.Token(value)}

	if browser := signedIn(ctx); browser != nil {
		sent.AccountID, sent.SessionID = browser.Account.ID, browser.SessionID
	}

	return device.With(ctx, sent)
}

// SignIn signs in with a password.
func (p *Public) SignIn(ctx context.Context, r api.SignInRequestObject) (api.SignInResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	ctx, browser := p.signInBrowser(ctx)

	opened, err := browser.WithPassword(device.WithTrust(ctx, r.Body.TrustDevice), signin.Credentials{Email: email, Plain: r.Body.Password, Second: convert.Text(r.Body.Totp)})
	if err != nil {
		return nil, err
	}

	p.openSession(ctx, opened)

	return api.SignIn204Response{}, nil
}

// SendSignInCode texts a code to the phone, if it is bound to an account.
func (p *Public) SendSignInCode(ctx context.Context, r api.SendSignInCodeRequestObject) (api.SendSignInCodeResponseObject, error) {
	if err := p.signin.SendCode(withDevice(ctx), r.Params.Phone); err != nil {
		return nil, err
	}

	return api.SendSignInCode204Response{}, nil
}

// SignInWithCode signs in with a code by SMS.
func (p *Public) SignInWithCode(ctx context.Context, r api.SignInWithCodeRequestObject) (api.SignInWithCodeResponseObject, error) {
	ctx, browser := p.signInBrowser(ctx)

	opened, err := browser.WithSMS(device.WithTrust(ctx, r.Body.TrustDevice), r.Body.Phone, r.Body.Code, convert.Text(r.Body.Totp))
	if err != nil {
		return nil, err
	}

	p.openSession(ctx, opened)

	return api.SignInWithCode204Response{}, nil
}

// SendSignInMail mails a code to the address, if it has an account.
func (p *Public) SendSignInMail(ctx context.Context, r api.SendSignInMailRequestObject) (api.SendSignInMailResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	if err := p.signin.SendMailCode(withDevice(ctx), email); err != nil {
		return nil, err
	}

	return api.SendSignInMail204Response{}, nil
}

// SignInWithMail signs in with a code by mail.
func (p *Public) SignInWithMail(ctx context.Context, r api.SignInWithMailRequestObject) (api.SignInWithMailResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	ctx, browser := p.signInBrowser(ctx)

	opened, err := browser.WithMail(device.WithTrust(ctx, r.Body.TrustDevice), email, r.Body.Code, convert.Text(r.Body.Totp))
	if err != nil {
		return nil, err
	}

	p.openSession(ctx, opened)

	return api.SignInWithMail204Response{}, nil
}

// SignInWithTOTP signs in with an authenticator app, or a recovery code.
func (p *Public) SignInWithTOTP(ctx context.Context, r api.SignInWithTOTPRequestObject) (api.SignInWithTOTPResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	ctx, browser := p.signInBrowser(ctx)

	opened, err := browser.WithTOTP(ctx, email, r.Body.Code)
	if err != nil {
		return nil, err
	}

	p.openSession(ctx, opened)

	return api.SignInWithTOTP204Response{}, nil
}
