package toolkit

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// ListSessions returns the account's live sessions.
func (t *Toolkit) ListSessions(ctx context.Context, _ api.ListSessionsRequestObject) (api.ListSessionsResponseObject, error) {
	list, err := t.sessions.List(ctx, who(ctx).Account.ID)
	if err != nil {
		return nil, err
	}

	return api.ListSessions200JSONResponse(convert.Sessions(list, who(ctx).SessionID, t.places, origin.From(ctx).Language)), nil
}

// EndSession ends one of them.
func (t *Toolkit) EndSession(ctx context.Context, r api.EndSessionRequestObject) (api.EndSessionResponseObject, error) {
	if err := t.sessions.EndOne(ctx, who(ctx), r.ID); err != nil {
		return nil, err
	}

	return api.EndSession204Response{}, nil
}

// EndOtherSessions ends all but the caller's.
func (t *Toolkit) EndOtherSessions(ctx context.Context, _ api.EndOtherSessionsRequestObject) (api.EndOtherSessionsResponseObject, error) {
	if err := t.sessions.EndOthers(ctx, who(ctx)); err != nil {
		return nil, err
	}

	return api.EndOtherSessions204Response{}, nil
}

// ListDevices returns the devices that have signed in to the account.
func (t *Toolkit) ListDevices(ctx context.Context, r api.ListDevicesRequestObject) (api.ListDevicesResponseObject, error) {
	list, err := t.devices.List(withDevice(ctx, r.Params.XDeviceToken), who(ctx).Account.ID)
	if err != nil {
		return nil, err
	}

	return api.ListDevices200JSONResponse(convert.Devices(list, t.places, origin.From(ctx).Language)), nil
}

// EndDevice forgets one of them.
func (t *Toolkit) EndDevice(ctx context.Context, r api.EndDeviceRequestObject) (api.EndDeviceResponseObject, error) {
	if err := t.devices.End(ctx, who(ctx).Actor(0).Unlimited(), r.ID); err != nil {
		return nil, err
	}

	return api.EndDevice204Response{}, nil
}

// LabelSession gives a session a name.
func (t *Toolkit) LabelSession(ctx context.Context, r api.LabelSessionRequestObject) (api.LabelSessionResponseObject, error) {
	label, err := convert.Label(r.Body.Label)
	if err != nil {
		return nil, err
	}

	if err := t.sessions.Label(ctx, who(ctx), r.ID, label); err != nil {
		return nil, err
	}

	return api.LabelSession204Response{}, nil
}

// LabelDevice gives a device a name.
func (t *Toolkit) LabelDevice(ctx context.Context, r api.LabelDeviceRequestObject) (api.LabelDeviceResponseObject, error) {
	label, err := convert.Label(r.Body.Label)
	if err != nil {
		return nil, err
	}

	if err := t.devices.Label(ctx, who(ctx).Actor(0), r.ID, label); err != nil {
		return nil, err
	}

	return api.LabelDevice204Response{}, nil
}

// ListSignIns returns a page of the account's sign-ins.
func (t *Toolkit) ListSignIns(ctx context.Context, r api.ListSignInsRequestObject) (api.ListSignInsResponseObject, error) {
	response, err := convert.SignIns(ctx, t.log, t.places, who(ctx).Account.ID, r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}

	return api.ListSignIns200JSONResponse(response), nil
}
