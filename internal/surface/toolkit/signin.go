package toolkit

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// Login opens a session.
func (t *Toolkit) Login(ctx context.Context, r api.LoginRequestObject) (api.LoginResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	tokens, err := t.signin.App().WithPassword(device.WithTrust(withDevice(ctx, r.Params.XDeviceToken), r.Body.TrustDevice), signin.Credentials{
		Email: email, Plain: r.Body.Password, Second: convert.Text(r.Body.Totp),
	})
	if err != nil {
		return nil, err
	}

	return api.Login200JSONResponse{
		Body: toAPITokens(tokens), Headers: api.Login200ResponseHeaders{XDeviceToken: new(string(tokens.Device))},
	}, nil
}

var textSMSSent = language.Text{
	Chinese: "验证码已发送，请查收短信",
	English: "The code has been sent. Please check your phone.",
}

// SendLoginSMS texts a code to the phone, if it is bound to an account.
func (t *Toolkit) SendLoginSMS(ctx context.Context, r api.SendLoginSMSRequestObject) (api.SendLoginSMSResponseObject, error) {
	if err := t.signin.SendCode(withDevice(ctx, r.Params.XDeviceToken), r.Body.Phone); err != nil {
		return nil, err
	}

	return api.SendLoginSMS200JSONResponse(done(ctx, textSMSSent)), nil
}

// LoginWithSMS signs in with a code by SMS.
func (t *Toolkit) LoginWithSMS(ctx context.Context, r api.LoginWithSMSRequestObject) (api.LoginWithSMSResponseObject, error) {
	tokens, err := t.signin.App().WithSMS(device.WithTrust(withDevice(ctx, r.Params.XDeviceToken), r.Body.TrustDevice), r.Body.Phone, r.Body.Code, convert.Text(r.Body.Totp))
	if err != nil {
		return nil, err
	}

	return api.LoginWithSMS200JSONResponse{
		Body: toAPITokens(tokens), Headers: api.LoginWithSMS200ResponseHeaders{XDeviceToken: new(string(tokens.Device))},
	}, nil
}

// SendLoginMail mails a code to the address, if it has an account.
func (t *Toolkit) SendLoginMail(ctx context.Context, r api.SendLoginMailRequestObject) (api.SendLoginMailResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	if err := t.signin.SendMailCode(withDevice(ctx, r.Params.XDeviceToken), email); err != nil {
		return nil, err
	}

	return api.SendLoginMail200JSONResponse(done(ctx, textCodeSent)), nil
}

// LoginWithMail signs in with a code by mail.
func (t *Toolkit) LoginWithMail(ctx context.Context, r api.LoginWithMailRequestObject) (api.LoginWithMailResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	tokens, err := t.signin.App().WithMail(device.WithTrust(withDevice(ctx, r.Params.XDeviceToken), r.Body.TrustDevice), email, r.Body.Code, convert.Text(r.Body.Totp))
	if err != nil {
		return nil, err
	}

	return api.LoginWithMail200JSONResponse{
		Body: toAPITokens(tokens), Headers: api.LoginWithMail200ResponseHeaders{XDeviceToken: new(string(tokens.Device))},
	}, nil
}

// LoginWithTOTP signs in with an authenticator app alone.
func (t *Toolkit) LoginWithTOTP(ctx context.Context, r api.LoginWithTOTPRequestObject) (api.LoginWithTOTPResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	tokens, err := t.signin.App().WithTOTP(withDevice(ctx, r.Params.XDeviceToken), email, r.Body.Code)
	if err != nil {
		return nil, err
	}

	return api.LoginWithTOTP200JSONResponse{
		Body: toAPITokens(tokens), Headers: api.LoginWithTOTP200ResponseHeaders{XDeviceToken: new(string(tokens.Device))},
	}, nil
}

// LoginWithLark signs in with the grant that the browser brought back from Lark.
func (t *Toolkit) LoginWithLark(ctx context.Context, r api.LoginWithLarkRequestObject) (api.LoginWithLarkResponseObject, error) {
	tokens, err := t.signin.App().WithGrant(
		device.WithTrust(withDevice(ctx, r.Params.XDeviceToken), r.Body.TrustDevice), signin.Grant(r.Body.Code), r.Body.CodeVerifier, convert.Text(r.Body.Totp),
	)
	if err != nil {
		return nil, err
	}

	return api.LoginWithLark200JSONResponse{
		Body: toAPITokens(tokens), Headers: api.LoginWithLark200ResponseHeaders{XDeviceToken: new(string(tokens.Device))},
	}, nil
}
