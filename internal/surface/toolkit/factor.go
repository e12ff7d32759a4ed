package toolkit

import (
	"bytes"
	"context"
	"errors"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// CreateMyTOTP creates a secret for an authenticator app.
func (t *Toolkit) CreateMyTOTP(ctx context.Context, _ api.CreateMyTOTPRequestObject) (api.CreateMyTOTPResponseObject, error) {
	url, err := t.profiles.NewTOTP(ctx, who(ctx))
	if err != nil {
		return nil, err
	}

	return api.CreateMyTOTP200JSONResponse{Success: true, Totp: url}, nil
}

// BindMyTOTP binds the app that the secret was given to, and returns its recovery codes.
func (t *Toolkit) BindMyTOTP(ctx context.Context, r api.BindMyTOTPRequestObject) (api.BindMyTOTPResponseObject, error) {
	recovery, err := t.profiles.BindTOTP(ctx, who(ctx), "", [2]string(r.Body.Codes))
	if err != nil {
		return nil, err
	}

	return api.BindMyTOTP200JSONResponse{Success: true, Codes: recovery}, nil
}

// UnbindMyTOTP removes the authenticator app.
func (t *Toolkit) UnbindMyTOTP(ctx context.Context, _ api.UnbindMyTOTPRequestObject) (api.UnbindMyTOTPResponseObject, error) {
	if err := t.profiles.UnbindTOTP(ctx, who(ctx)); err != nil {
		return nil, err
	}

	return api.UnbindMyTOTP204Response{}, nil
}

// GetMyTOTPPicture returns the pending secret as a QR code.
func (t *Toolkit) GetMyTOTPPicture(ctx context.Context, r api.GetMyTOTPPictureRequestObject) (api.GetMyTOTPPictureResponseObject, error) {
	format := factor.SVG
	if r.Params.Format != nil {
		format = factor.Format(*r.Params.Format)
	}

	picture, err := t.profiles.TOTPPicture(ctx, who(ctx), format)
	if err != nil {
		return nil, err
	}

	if format == factor.PNG {
		return api.GetMyTOTPPicture200ImagePngResponse{Body: bytes.NewReader(picture), ContentLength: int64(len(picture))}, nil
	}

	return api.GetMyTOTPPicture200ImageSvgXMLResponse{Body: bytes.NewReader(picture), ContentLength: int64(len(picture))}, nil
}

// CreateMyRecoveryCodes creates new recovery codes, and voids the previous ones.
func (t *Toolkit) CreateMyRecoveryCodes(ctx context.Context, _ api.CreateMyRecoveryCodesRequestObject) (api.CreateMyRecoveryCodesResponseObject, error) {
	codes, err := t.profiles.RecoveryCodes(ctx, who(ctx))
	if err != nil {
		return nil, err
	}

	return api.CreateMyRecoveryCodes200JSONResponse{Success: true, Codes: codes}, nil
}

// SetMySecondFactor sets whether sign-ins ask for two factors.
func (t *Toolkit) SetMySecondFactor(ctx context.Context, r api.SetMySecondFactorRequestObject) (api.SetMySecondFactorResponseObject, error) {
	if err := t.profiles.SetSecondFactor(ctx, who(ctx), r.Body.Enabled); err != nil {
		return nil, err
	}

	return api.SetMySecondFactor204Response{}, nil
}

// KeepMyFactor lets a suspended factor open the account again.
func (t *Toolkit) KeepMyFactor(ctx context.Context, r api.KeepMyFactorRequestObject) (api.KeepMyFactorResponseObject, error) {
	if err := t.profiles.Keep(ctx, who(ctx), profile.Undoable(r.Factor)); err != nil {
		return nil, err
	}

	return api.KeepMyFactor204Response{}, nil
}

var textLarkBound = language.Text{Chinese: "飞书账号已绑定", English: "The Lark account has been bound."}

// BindMyLark binds the identity of the grant that the browser brought back from Lark.
func (t *Toolkit) BindMyLark(ctx context.Context, r api.BindMyLarkRequestObject) (api.BindMyLarkResponseObject, error) {
	grant, err := t.signin.OpenGrant(ctx, signin.Grant(r.Body.Code), r.Body.CodeVerifier)
	if err != nil {
		return nil, err
	}

	err = t.profiles.BindLark(ctx, who(ctx), grant.Subject, grant.Profile, grant.Use)
	if errors.Is(err, code.ErrInvalid) {
		return nil, signin.ErrGrantInvalid // of two concurrent calls with one grant
	} else if err != nil {
		return nil, err
	}

	return api.BindMyLark200JSONResponse(done(ctx, textLarkBound)), nil
}

// UnbindMyLark removes the Lark identity.
func (t *Toolkit) UnbindMyLark(ctx context.Context, _ api.UnbindMyLarkRequestObject) (api.UnbindMyLarkResponseObject, error) {
	if err := t.profiles.UnbindLark(ctx, who(ctx)); err != nil {
		return nil, err
	}

	return api.UnbindMyLark204Response{}, nil
}
