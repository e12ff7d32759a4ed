package toolkit

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// GetMe returns the account that was read with the session: this operation needs no query of
// its own.
func (t *Toolkit) GetMe(ctx context.Context, _ api.GetMeRequestObject) (api.GetMeResponseObject, error) {
	return api.GetMe200JSONResponse{Success: true, User: toAPIUser(who(ctx).Account)}, nil
}

// ChangeMe changes the name, the number of the built-in picture, the picture and the language.
func (t *Toolkit) ChangeMe(ctx context.Context, r api.ChangeMeRequestObject) (api.ChangeMeResponseObject, error) {
	basics := profile.Basics{Avatar: r.Body.Avatar, Picture: r.Body.Picture, Language: (*language.Language)(r.Body.Language)}

	if r.Body.Username != nil {
		name, err := account.ParseName(*r.Body.Username)
		if err != nil {
			return nil, err
		}

		basics.Name = &name
	}

	changed, err := t.profiles.SetBasics(ctx, who(ctx), basics)
	if err != nil {
		return nil, err
	}

	return api.ChangeMe200JSONResponse{Success: true, User: toAPIUser(changed)}, nil
}

// GetMyProfile returns what GetMe does not.
func (t *Toolkit) GetMyProfile(ctx context.Context, _ api.GetMyProfileRequestObject) (api.GetMyProfileResponseObject, error) {
	found, err := t.profiles.Profile(ctx, who(ctx))
	if err != nil {
		return nil, err
	}

	last, signedIn, err := t.log.LastSignIn(ctx, who(ctx).Account.ID)
	if err != nil {
		return nil, err
	}

	return api.GetMyProfile200JSONResponse{Success: true, Profile: api.Profile{
		Picture: found.Picture, Phone: found.Phone, Totp: found.TOTP, Lark: convert.LarkProfile(found.Lark), SignIns: found.SignIns,
		LastSignIn: convert.LastSignIn(last, signedIn, t.places, origin.From(ctx).Language),
		Language:   string(found.Language), SecondFactor: found.SecondFactor, SecondFactorRequired: found.Required, Suspended: convert.Suspended(found.Suspended),
	}}, nil
}
