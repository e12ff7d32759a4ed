package toolkit

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

var (
	textPasswordReset   = language.Text{Chinese: "密码已重置，请重新登录", English: "The password has been reset. Please sign in."}
	textPasswordChanged = language.Text{Chinese: "密码已修改", English: "The password has been changed."}
)

// SendForgottenPasswordCode mails a code to the address, if it has an account.
func (t *Toolkit) SendForgottenPasswordCode(
	ctx context.Context, r api.SendForgottenPasswordCodeRequestObject,
) (api.SendForgottenPasswordCodeResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	if err := t.recovery.SendCode(withDevice(ctx, r.Params.XDeviceToken), authority.Actor{}, email); err != nil {
		return nil, err
	}

	return api.SendForgottenPasswordCode200JSONResponse(done(ctx, textCodeSent)), nil
}

// ResetForgottenPassword sets a new password, with the code.
func (t *Toolkit) ResetForgottenPassword(
	ctx context.Context, r api.ResetForgottenPasswordRequestObject,
) (api.ResetForgottenPasswordResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	fresh, err := t.recovery.Reset(withDevice(ctx, r.Params.XDeviceToken), email, r.Body.Code, r.Body.Password)
	if err != nil {
		return nil, err
	}

	return api.ResetForgottenPassword200JSONResponse{
		Body: done(ctx, textPasswordReset), Headers: api.ResetForgottenPassword200ResponseHeaders{XDeviceToken: new(string(fresh))},
	}, nil
}

// ChangeMyPassword sets a new password, with the old one.
func (t *Toolkit) ChangeMyPassword(ctx context.Context, r api.ChangeMyPasswordRequestObject) (api.ChangeMyPasswordResponseObject, error) {
	if err := t.profiles.ChangePassword(ctx, who(ctx), r.Body.Old, r.Body.Password); err != nil {
		return nil, err
	}

	return api.ChangeMyPassword200JSONResponse(done(ctx, textPasswordChanged)), nil
}
