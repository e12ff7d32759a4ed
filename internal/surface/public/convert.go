package public

import (
	"github.com/oapi-codegen/nullable"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/federation"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// recordVersion is the version of SignInRecord's form.
const recordVersion = "1"

// markSet says that a phone or an authenticator app is bound; an empty text says that none is.
const markSet = "*"

func toAPIUser(browser session.Browser, security profile.Security) api.PublicUser {
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
		CreateTime: convert.Time(a.CreatedAt),
		UpdateTime: convert.Time(a.UpdatedAt),

		SecondFactor:         security.SecondFactor,
		SecondFactorRequired: security.Required,
		Suspended:            make([]api.SuspendableFactor, len(security.Suspended)),
	}

	for i, what := range security.Suspended {
		user.Suspended[i] = api.SuspendableFactor(what)
	}

	if person := browser.Lark; person != nil {
		user.Lark = nullable.NewNullableWithValue(api.LarkProfile{
			OpenID: person.OpenID, Name: person.Name, EnName: orAbsent(person.EnName), AvatarURL: orAbsent(person.AvatarURL),
		})
	}

	if browser.Phone {
		user.Phone = markSet
	}

	if browser.TOTP {
		user.Totp = markSet
	}

	return user
}

func toAPISignIn(last audit.SignIn, places *geo.Locator, in language.Language) nullable.Nullable[api.SignInRecord] {
	record := api.SignInRecord{
		Timestamp: convert.Time(last.At), UserAgent: last.UserAgent, Detail: convert.Location(places, last.Address, in),
	}
	record.Metadata.ClientIP = convert.Address(last.Address)
	record.Metadata.Version = recordVersion
	record.Metadata.Source = last.Method

	return nullable.NewNullableWithValue(record)
}

// orAbsent omits a member without a value.
func orAbsent(s string) *string {
	if s == "" {
		return nil
	}

	return &s
}

func fromAPILarkState(state *api.LarkState) (action federation.Action, locale string) {
	if state == nil {
		return federation.SignIn, ""
	}

	action = federation.SignIn
	if state.Action != api.LarkStateActionLogin {
		action = federation.Bind
	}

	return action, convert.Text(state.Locale)
}

// fromAPIReturn accepts no code if Lark returns the browser with an error.
func fromAPIReturn(cookie string, params api.ReturnFromLarkParams) federation.Callback {
	arrival := federation.Callback{Cookie: cookie, State: params.State}
	if params.Error == nil {
		arrival.Code = convert.Text(params.Code)
	}

	return arrival
}
