package public

import (
	"github.com/oapi-codegen/nullable"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/account"
	"github.com/konec/toolkit-gateway/internal/audit"
	"github.com/konec/toolkit-gateway/internal/present"
	"github.com/konec/toolkit-gateway/internal/session"
)

// recordVersion is the version of SignInRecord's form.
const recordVersion = "1"

func toAPIUser(browser session.Browser) api.PublicUser {
	a := browser.Account
	user := api.PublicUser{
		ID:         a.ID,
		Email:      a.Email,
		Name:       a.Name,
		Avatar:     browser.Picture,
		Sessions:   browser.SignIns,
		History:    nullable.NewNullNullable[api.SignInRecord](),
		Lark:       nullable.NewNullNullable[api.LarkProfile](),
		Status:     a.Status == account.Active,
		CreateTime: present.Time(a.CreatedAt),
		UpdateTime: present.Time(a.UpdatedAt),
	}

	if browser.Phone {
		user.Phone = api.PublicUserPhoneAsterisk
	}

	if browser.TOTP {
		user.Totp = api.PublicUserTotpAsterisk
	}

	return user
}

func toAPISignIn(last audit.SignIn) nullable.Nullable[api.SignInRecord] {
	record := api.SignInRecord{Timestamp: present.Time(last.At), UserAgent: last.UserAgent}
	record.Metadata.ClientIP = present.Address(last.Address)
	record.Metadata.Version = recordVersion
	record.Metadata.Source = last.Method

	return nullable.NewNullableWithValue(record)
}
