package public

import (
	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/federation"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

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
		Lark:       convert.LarkProfile(browser.Lark),
		Status:     a.Status == account.Active,
		CreateTime: convert.Time(a.CreatedAt),
		UpdateTime: convert.Time(a.UpdatedAt),

		SecondFactor:         security.SecondFactor,
		SecondFactorRequired: security.Required,
		Suspended:            convert.Suspended(security.Suspended),
		Language:             string(security.Language),
	}

	if browser.Phone {
		user.Phone = markSet
	}

	if browser.TOTP {
		user.Totp = markSet
	}

	return user
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
