package toolkit

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// The documented members, letter for letter: three decimals and Z, _id and __v.
func TestUserHasTheDocumentedForm(t *testing.T) {
	t.Parallel()

	at := time.Date(2025, time.January, 1, 12, 24, 10, 109_999_999, time.FixedZone("", 11*3600))

	text, err := json.Marshal(toAPIUser(account.Account{
		ID: "65a1b2c3d4e5f60718293a4c", Email: "user@konec.test", Name: "张 Wei", MemberGroup: "Member", Avatar: 3, CreatedAt: at, UpdatedAt: at, Version: 7,
	}))
	if err != nil {
		t.Fatal(err)
	}

	var got, want map[string]any

	const document = `{"_id":"65a1b2c3d4e5f60718293a4c","username":"张 Wei","email":"user@konec.test","memberGroup":"Member","avatar":3,
		"createdAt":"2025-01-01T01:24:10.109Z","updatedAt":"2025-01-01T01:24:10.109Z","__v":7}`

	if err := errors.Join(json.Unmarshal(text, &got), json.Unmarshal([]byte(document), &want)); err != nil {
		t.Fatal(err)
	}

	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: %v, want %v", name, got[name], value)
		}
	}

	if len(got) != len(want) {
		t.Errorf("%d members, want %d: %s", len(got), len(want), text)
	}
}

func TestTokensHaveSeconds(t *testing.T) {
	t.Parallel()

	got := toAPITokens(session.Tokens{Access: "a", Refresh: "r", ExpiresIn: time.Hour})
	if got.ExpiresIn != 3600 || got.TokenType != "bearer" || got.AccessToken != "a" || got.RefreshToken != "r" {
		t.Errorf("%+v", got)
	}
}

// The address and the name are brought into their normal forms; the password stays as it is.
func TestRegistrationIsNormal(t *testing.T) {
	t.Parallel()

	got, err := fromAPIRegister(api.RegisterRequest{Username: "  张 Wei ", Email: "User@Konec.TEST", Password: " p ", VerificationCode: "123456"})
	if err != nil || got.Email != "user@konec.test" || got.Name != "张 Wei" || got.Password != " p " || got.Code != "123456" {
		t.Errorf("%+v, %v", got, err)
	}

	// The validator refuses it before: here it is a fault of the server.
	_, err = fromAPIRegister(api.RegisterRequest{Username: "x", Email: "no address"})
	if _, refusal := errors.AsType[*problem.Problem](err); err == nil || refusal {
		t.Errorf("a bad address: %v", err)
	}
}
