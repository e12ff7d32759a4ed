package public

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// ChangePassword sets a new password, with the old one.
func (p *Public) ChangePassword(ctx context.Context, r api.ChangePasswordRequestObject) (api.ChangePasswordResponseObject, error) {
	err := p.profiles.ChangePassword(ctx, who(ctx).Principal, r.Body.Old, r.Body.Password)
	if err != nil {
		return nil, err
	}

	return api.ChangePassword204Response{}, nil
}

// SendResetCode mails a code to the address, if it has an account.
func (p *Public) SendResetCode(ctx context.Context, r api.SendResetCodeRequestObject) (api.SendResetCodeResponseObject, error) {
	email, err := convert.Email(r.Params.Email)
	if err != nil {
		return nil, err
	}

	if err := p.recovery.SendCode(withDevice(ctx), authority.Actor{}, email); err != nil {
		return nil, err
	}

	return api.SendResetCode204Response{}, nil
}

// ResetPassword sets a new password, with the code.
func (p *Public) ResetPassword(ctx context.Context, r api.ResetPasswordRequestObject) (api.ResetPasswordResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	fresh, err := p.recovery.Reset(withDevice(ctx), email, r.Body.Code, r.Body.Password)
	if err != nil {
		return nil, err
	}

	setDevice(ctx, fresh)

	return api.ResetPassword204Response{}, nil
}
