package toolkit

import (
	"context"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/registration"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// done returns what an operation without a result of its own returns.
func done(ctx context.Context, message language.Text) api.Done {
	return api.Done{Success: true, Message: message.In(origin.From(ctx).Language)}
}

func toAPITokens(t session.Tokens) api.Tokens {
	return api.Tokens{
		AccessToken:  t.Access,
		TokenType:    api.TokensTokenTypeBearer,
		ExpiresIn:    int32(t.ExpiresIn / time.Second), //nolint:gosec // at most a day
		RefreshToken: t.Refresh,
	}
}

func toAPIAccessToken(t session.Tokens) api.AccessToken {
	return api.AccessToken{
		AccessToken: t.Access,
		TokenType:   api.AccessTokenTokenTypeBearer,
		ExpiresIn:   int32(t.ExpiresIn / time.Second), //nolint:gosec // at most a day
	}
}

func toAPIUser(a account.Account) api.User {
	return api.User{
		ID:          a.ID,
		Username:    a.Name,
		Email:       a.Email,
		MemberGroup: a.MemberGroup,
		Avatar:      a.Avatar,
		CreatedAt:   convert.Time(a.CreatedAt),
		UpdatedAt:   convert.Time(a.UpdatedAt),
		V:           a.Version,
	}
}

func fromAPIRegister(r api.RegisterRequest) (registration.Applicant, error) {
	email, err := convert.Email(r.Email)
	if err != nil {
		return registration.Applicant{}, err
	}

	name, err := account.ParseName(r.Username)
	if err != nil {
		return registration.Applicant{}, fmt.Errorf("validated name: %w", err)
	}

	return registration.Applicant{Name: name, Email: email, Password: r.Password, Code: r.VerificationCode}, nil
}
