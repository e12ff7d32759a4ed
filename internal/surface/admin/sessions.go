package admin

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// ListAccountSessions returns an account's live sessions.
func (a *Admin) ListAccountSessions(ctx context.Context, r api.ListAccountSessionsRequestObject) (api.ListAccountSessionsResponseObject, error) {
	if _, err := a.accounts.Get(ctx, r.AccountID); err != nil {
		return nil, err
	}

	list, err := a.sessions.List(ctx, r.AccountID)
	if err != nil {
		return nil, err
	}

	own := session.PrincipalFrom(ctx).SessionID

	return api.ListAccountSessions200JSONResponse(convert.Sessions(list, own, a.places, origin.From(ctx).Language)), nil
}

// EndAccountSessions ends all of them.
func (a *Admin) EndAccountSessions(ctx context.Context, r api.EndAccountSessionsRequestObject) (api.EndAccountSessionsResponseObject, error) {
	if err := a.accounts.EndSessions(ctx, authority.Change{Actor: actor(ctx), Target: authority.Target{ID: r.AccountID}}); err != nil {
		return nil, err
	}

	return api.EndAccountSessions204Response{}, nil
}

// EndAccountSession ends one of them.
func (a *Admin) EndAccountSession(ctx context.Context, r api.EndAccountSessionRequestObject) (api.EndAccountSessionResponseObject, error) {
	if err := a.accounts.EndSession(ctx, authority.Change{Actor: actor(ctx), Target: authority.Target{ID: r.AccountID}}, r.ID); err != nil {
		return nil, err
	}

	return api.EndAccountSession204Response{}, nil
}
