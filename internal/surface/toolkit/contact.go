package toolkit

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

var textPhoneBound = language.Text{Chinese: "手机已绑定", English: "The phone has been bound."}

// SendMyEmailCode mails a code and a link to the new address.
func (t *Toolkit) SendMyEmailCode(ctx context.Context, r api.SendMyEmailCodeRequestObject) (api.SendMyEmailCodeResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	if err := t.profiles.SendEmailCode(ctx, who(ctx), email); err != nil {
		return nil, err
	}

	return api.SendMyEmailCode200JSONResponse(done(ctx, textCodeSent)), nil
}

// ChangeMyEmail makes the address that the code went to the account's.
func (t *Toolkit) ChangeMyEmail(ctx context.Context, r api.ChangeMyEmailRequestObject) (api.ChangeMyEmailResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	if err := t.profiles.SetEmail(ctx, who(ctx), email, r.Body.Code); err != nil {
		return nil, err
	}

	changed, err := t.profiles.Account(ctx, who(ctx))
	if err != nil {
		return nil, err
	}

	return api.ChangeMyEmail200JSONResponse{Success: true, User: toAPIUser(changed)}, nil
}

// SendMyPhoneCode texts a code to the phone to be bound.
func (t *Toolkit) SendMyPhoneCode(ctx context.Context, r api.SendMyPhoneCodeRequestObject) (api.SendMyPhoneCodeResponseObject, error) {
	if err := t.profiles.SendPhoneCode(ctx, who(ctx), r.Body.Phone); err != nil {
		return nil, err
	}

	return api.SendMyPhoneCode200JSONResponse(done(ctx, textSMSSent)), nil
}

// BindMyPhone binds the phone that the code went to.
func (t *Toolkit) BindMyPhone(ctx context.Context, r api.BindMyPhoneRequestObject) (api.BindMyPhoneResponseObject, error) {
	if err := t.profiles.BindPhone(ctx, who(ctx), r.Body.Phone, r.Body.Code); err != nil {
		return nil, err
	}

	return api.BindMyPhone200JSONResponse(done(ctx, textPhoneBound)), nil
}

// UnbindMyPhone removes the phone.
func (t *Toolkit) UnbindMyPhone(ctx context.Context, _ api.UnbindMyPhoneRequestObject) (api.UnbindMyPhoneResponseObject, error) {
	if err := t.profiles.UnbindPhone(ctx, who(ctx)); err != nil {
		return nil, err
	}

	return api.UnbindMyPhone204Response{}, nil
}
