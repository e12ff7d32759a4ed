package public

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// ListUserSessions returns the account's live sessions.
func (p *Public) ListUserSessions(ctx context.Context, _ api.ListUserSessionsRequestObject) (api.ListUserSessionsResponseObject, error) {
	browser := who(ctx)

	list, err := p.sessions.List(ctx, browser.Account.ID)
	if err != nil {
		return nil, err
	}

	return api.ListUserSessions200JSONResponse(convert.Sessions(list, browser.SessionID, p.places, origin.From(ctx).Language)), nil
}

// EndUserSession ends one of them.
func (p *Public) EndUserSession(ctx context.Context, r api.EndUserSessionRequestObject) (api.EndUserSessionResponseObject, error) {
	if err := p.sessions.EndOne(ctx, who(ctx).Principal, r.ID); err != nil {
		return nil, err
	}

	return api.EndUserSession204Response{}, nil
}

// EndOtherUserSessions ends all sessions except the caller's.
func (p *Public) EndOtherUserSessions(
	ctx context.Context, _ api.EndOtherUserSessionsRequestObject,
) (api.EndOtherUserSessionsResponseObject, error) {
	if err := p.sessions.EndOthers(ctx, who(ctx).Principal); err != nil {
		return nil, err
	}

	return api.EndOtherUserSessions204Response{}, nil
}

// ListUserDevices returns the devices that have signed in to the account.
func (p *Public) ListUserDevices(ctx context.Context, _ api.ListUserDevicesRequestObject) (api.ListUserDevicesResponseObject, error) {
	list, err := p.devices.List(withDevice(ctx), who(ctx).Account.ID)
	if err != nil {
		return nil, err
	}

	return api.ListUserDevices200JSONResponse(convert.Devices(list, p.places, origin.From(ctx).Language)), nil
}

// EndUserDevice forgets one of them.
func (p *Public) EndUserDevice(ctx context.Context, r api.EndUserDeviceRequestObject) (api.EndUserDeviceResponseObject, error) {
	if err := p.devices.End(ctx, who(ctx).Actor(0).Unlimited(), r.ID); err != nil {
		return nil, err
	}

	return api.EndUserDevice204Response{}, nil
}

// LabelUserSession gives a session a name.
func (p *Public) LabelUserSession(ctx context.Context, r api.LabelUserSessionRequestObject) (api.LabelUserSessionResponseObject, error) {
	label, err := convert.Label(r.Body.Label)
	if err != nil {
		return nil, err
	}

	if err := p.sessions.Label(ctx, who(ctx).Principal, r.ID, label); err != nil {
		return nil, err
	}

	return api.LabelUserSession204Response{}, nil
}

// LabelUserDevice gives a device a name.
func (p *Public) LabelUserDevice(ctx context.Context, r api.LabelUserDeviceRequestObject) (api.LabelUserDeviceResponseObject, error) {
	label, err := convert.Label(r.Body.Label)
	if err != nil {
		return nil, err
	}

	if err := p.devices.Label(ctx, who(ctx).Actor(0), r.ID, label); err != nil {
		return nil, err
	}

	return api.LabelUserDevice204Response{}, nil
}

// ListUserSignIns returns a page of the account's sign-ins.
func (p *Public) ListUserSignIns(ctx context.Context, r api.ListUserSignInsRequestObject) (api.ListUserSignInsResponseObject, error) {
	response, err := convert.SignIns(ctx, p.log, p.places, who(ctx).Account.ID, r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}

	return api.ListUserSignIns200JSONResponse(response), nil
}
