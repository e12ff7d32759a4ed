package toolkit

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

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

	if err := t.registrations.SendCode(ctx, authority.Actor{}, email); err != nil {
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

	created, err := t.registrations.Register(ctx, applicant)
	if err != nil {
		return nil, err
	}

	return api.Register201JSONResponse{
		Success: true, Message: textRegistered.In(origin.From(ctx).Language), User: toAPIUser(created),
	}, nil
}
