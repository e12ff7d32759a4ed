package toolkit

import (
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/account"
	"github.com/konec/toolkit-gateway/internal/registration"
	"github.com/konec/toolkit-gateway/internal/session"
)

// timestamp is the document's Timestamp: always three decimals, which time.RFC3339Nano would cut.
const timestamp = "2006-01-02T15:04:05.000Z"

func toAPITokens(t session.Tokens) api.Tokens {
	return api.Tokens{
		AccessToken:  t.Access,
		TokenType:    api.TokensTokenTypeBearer,
		ExpiresIn:    int32(t.ExpiresIn / time.Second), //nolint:gosec // a day at the most
		RefreshToken: t.Refresh,
	}
}

func toAPIUser(a account.Account) api.User {
	return api.User{
		ID:          a.ID,
		Username:    a.Name,
		Email:       a.Email,
		MemberGroup: a.MemberGroup,
		Avatar:      a.Avatar,
		CreatedAt:   a.CreatedAt.UTC().Format(timestamp),
		UpdatedAt:   a.UpdatedAt.UTC().Format(timestamp),
		V:           a.Version,
	}
}

func fromAPIRegister(r api.RegisterRequest) (registration.Applicant, error) {
	email, err := parseEmail(r.Email)
	if err != nil {
		return registration.Applicant{}, err
	}

	name, err := account.ParseName(r.Username)
	if err != nil {
		return registration.Applicant{}, fmt.Errorf("validated name: %w", err)
	}

	return registration.Applicant{Name: name, Email: email, Password: r.Password, Code: r.VerificationCode}, nil
}

// parseEmail is the validator's own check once more, for its result: it cannot fail.
func parseEmail(s string) (string, error) {
	email, err := account.ParseEmail(s)
	if err != nil {
		return "", fmt.Errorf("validated e-mail: %w", err)
	}

	return email, nil
}
