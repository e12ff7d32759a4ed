package public

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// ChangeUser changes the one member that the key names.
func (p *Public) ChangeUser(ctx context.Context, r api.ChangeUserRequestObject) (api.ChangeUserResponseObject, error) {
	key := strings.ToLower(string(r.Body.Key)) // the name of the member
	if err := exactly(*r.Body, key); err != nil {
		return nil, err
	}

	var err error

	switch key {
	case "name":
		err = p.changeName(ctx, *r.Body.Name)
	case "avatar":
		err = p.profiles.SetPicture(ctx, who(ctx).Principal, *r.Body.Avatar)
	default:
		err = p.changeEmail(ctx, *r.Body.Email, r.Body.Code)
	}

	if err != nil {
		return nil, err
	}

	return api.ChangeUser204Response{}, nil
}

var (
	textNotNamed = language.Text{Chinese: "不是 key 指定的字段", English: "is not the member that key names"}
	textMissing  = language.Text{Chinese: "key 指定了此字段，必须填写", English: "is required because key names it"}
)

// exactly refuses every member except the one that the key names; a code is allowed only with an address.
func exactly(body api.ChangeUserRequest, key string) error {
	there := map[string]bool{"email": body.Email != nil, "name": body.Name != nil, "avatar": body.Avatar != nil, "code": body.Code != nil}

	var faults []problem.Field

	for name, is := range there {
		wanted := name == key || name == "code" && key == "email"

		switch {
		case is && !wanted:
			faults = append(faults, problem.Field{Name: "/" + name, Message: textNotNamed})
		case !is && name == key:
			faults = append(faults, problem.Field{Name: "/" + name, Message: textMissing})
		}
	}

	if len(faults) == 0 {
		return nil
	}

	slices.SortFunc(faults, func(a, b problem.Field) int { return strings.Compare(a.Name, b.Name) })

	return problem.ErrInvalidRequest.WithFields(faults...)
}

func (p *Public) changeName(ctx context.Context, name string) error {
	name, err := account.ParseName(name)
	if err != nil {
		return err
	}

	return p.profiles.SetName(ctx, who(ctx).Principal, name)
}

// changeEmail takes two steps, unless the settings require no proof.
func (p *Public) changeEmail(ctx context.Context, text string, code *api.SixDigits) error {
	email, err := convert.Email(text)
	if err != nil {
		return err
	}

	caller := who(ctx).Principal

	switch {
	case !p.settings.ConfirmEmail:
		return p.profiles.SetEmailAtOnce(ctx, caller, email)
	case code == nil:
		return p.profiles.SendEmailCode(ctx, caller, email)
	}

	return p.profiles.SetEmail(ctx, caller, email, *code)
}

// SendPhoneCode texts a code to the phone to be bound.
func (p *Public) SendPhoneCode(ctx context.Context, r api.SendPhoneCodeRequestObject) (api.SendPhoneCodeResponseObject, error) {
	if err := p.profiles.SendPhoneCode(ctx, who(ctx).Principal, r.Params.Phone); err != nil {
		return nil, err
	}

	return api.SendPhoneCode204Response{}, nil
}

// BindPhone binds the phone that the code went to.
func (p *Public) BindPhone(ctx context.Context, r api.BindPhoneRequestObject) (api.BindPhoneResponseObject, error) {
	if err := p.profiles.BindPhone(ctx, who(ctx).Principal, r.Body.Phone, r.Body.Code); err != nil {
		return nil, err
	}

	return api.BindPhone204Response{}, nil
}

// CreateTOTP creates a secret for an authenticator app.
func (p *Public) CreateTOTP(ctx context.Context, _ api.CreateTOTPRequestObject) (api.CreateTOTPResponseObject, error) {
	url, err := p.profiles.NewTOTP(ctx, who(ctx).Principal)
	if err != nil {
		return nil, err
	}

	return api.CreateTOTP200JSONResponse{Totp: url}, nil
}

// GetTOTPPicture returns the pending secret as a QR code.
func (p *Public) GetTOTPPicture(ctx context.Context, r api.GetTOTPPictureRequestObject) (api.GetTOTPPictureResponseObject, error) {
	format := factor.SVG
	if r.Params.Format != nil {
		format = factor.Format(*r.Params.Format)
	}

	picture, err := p.profiles.TOTPPicture(ctx, who(ctx).Principal, format)
	if err != nil {
		return nil, err
	}

	if format == factor.PNG {
		return api.GetTOTPPicture200ImagePngResponse{Body: bytes.NewReader(picture), ContentLength: int64(len(picture))}, nil
	}

	return api.GetTOTPPicture200ImageSvgXMLResponse{Body: bytes.NewReader(picture), ContentLength: int64(len(picture))}, nil
}

// BindTOTP binds the app that the secret was given to, and returns its recovery codes.
func (p *Public) BindTOTP(ctx context.Context, r api.BindTOTPRequestObject) (api.BindTOTPResponseObject, error) {
	var codes [2]string
	copy(codes[:], r.Body.Tss) // two, or none

	recovery, err := p.profiles.BindTOTP(ctx, who(ctx).Principal, convert.Text(r.Body.Totp), codes)
	if err != nil {
		return nil, err
	}

	return api.BindTOTP200JSONResponse{Codes: recovery}, nil
}

// CreateRecoveryCodes creates new recovery codes, and voids the previous ones.
func (p *Public) CreateRecoveryCodes(ctx context.Context, _ api.CreateRecoveryCodesRequestObject) (api.CreateRecoveryCodesResponseObject, error) {
	codes, err := p.profiles.RecoveryCodes(ctx, who(ctx).Principal)
	if err != nil {
		return nil, err
	}

	return api.CreateRecoveryCodes200JSONResponse{Codes: codes}, nil
}

// SetLanguage sets the language of the account's messages.
func (p *Public) SetLanguage(ctx context.Context, r api.SetLanguageRequestObject) (api.SetLanguageResponseObject, error) {
	chosen := language.Language(r.Body.Language)
	if _, err := p.profiles.SetBasics(ctx, who(ctx).Principal, profile.Basics{Language: &chosen}); err != nil {
		return nil, err
	}

	return api.SetLanguage204Response{}, nil
}

// SetSecondFactor sets whether sign-ins ask for two factors.
func (p *Public) SetSecondFactor(ctx context.Context, r api.SetSecondFactorRequestObject) (api.SetSecondFactorResponseObject, error) {
	if err := p.profiles.SetSecondFactor(ctx, who(ctx).Principal, r.Body.Enabled); err != nil {
		return nil, err
	}

	return api.SetSecondFactor204Response{}, nil
}

// KeepFactor lets a suspended factor open the account again.
func (p *Public) KeepFactor(ctx context.Context, r api.KeepFactorRequestObject) (api.KeepFactorResponseObject, error) {
	if err := p.profiles.Keep(ctx, who(ctx).Principal, profile.Undoable(r.Factor)); err != nil {
		return nil, err
	}

	return api.KeepFactor204Response{}, nil
}

// Unbind removes a phone, an authenticator app or a Lark identity.
func (p *Public) Unbind(ctx context.Context, r api.UnbindRequestObject) (api.UnbindResponseObject, error) {
	caller := who(ctx).Principal

	var err error

	switch r.Key {
	case api.UnbindParamsKeyPhone:
		err = p.profiles.UnbindPhone(ctx, caller)
	case api.UnbindParamsKeyTotp:
		err = p.profiles.UnbindTOTP(ctx, caller)
	case api.UnbindParamsKeyLark:
		err = p.profiles.UnbindLark(ctx, caller)
	}

	if err != nil {
		return nil, err
	}

	return api.Unbind204Response{}, nil
}
