package admin

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/timeline"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// ListAuditEvents returns a page of events.
func (a *Admin) ListAuditEvents(ctx context.Context, r api.ListAuditEventsRequestObject) (api.ListAuditEventsResponseObject, error) {
	since, err := timeOf("from", r.Params.From)
	if err != nil {
		return nil, err
	}

	until, err := timeOf("to", r.Params.To)
	if err != nil {
		return nil, err
	}

	before, err := convert.CursorOf[eventCursor](r.Params.Cursor)
	if err != nil {
		return nil, err
	}

	page, err := a.events.Find(ctx, audit.Search{
		AccountID: convert.Text(r.Params.Account), ActorID: convert.Text(r.Params.Actor), Action: audit.Action(convert.Text(r.Params.Action)),
		Since: since, Until: until, Before: (*audit.Position)(before), Limit: convert.Limit(r.Params.Limit),
	})
	if err != nil {
		return nil, err
	}

	next, err := convert.ToCursor((*eventCursor)(page.Next))
	if err != nil {
		return nil, err
	}

	response := api.ListAuditEvents200JSONResponse{Success: true, Events: make([]api.AuditEvent, len(page.Items)), Next: next}
	for i, entry := range page.Items {
		response.Events[i] = convert.Event(entry, a.places, origin.From(ctx).Language)
	}

	return response, nil
}

// ListDeliveries returns a page of deliveries.
func (a *Admin) ListDeliveries(ctx context.Context, r api.ListDeliveriesRequestObject) (api.ListDeliveriesResponseObject, error) {
	since, err := timeOf("from", r.Params.From)
	if err != nil {
		return nil, err
	}

	until, err := timeOf("to", r.Params.To)
	if err != nil {
		return nil, err
	}

	before, err := convert.CursorOf[deliveryCursor](r.Params.Cursor)
	if err != nil {
		return nil, err
	}

	search := delivery.Search{Since: since, Until: until, Before: (*delivery.Position)(before), Limit: convert.Limit(r.Params.Limit)}
	if r.Params.Recipient != nil {
		search.Recipients = []string{recipient(*r.Params.Recipient)}
	}

	if r.Params.State != nil {
		search.State = string(*r.Params.State)
	}

	page, err := a.messages.Find(ctx, search)
	if err != nil {
		return nil, err
	}

	next, err := convert.ToCursor((*deliveryCursor)(page.Next))
	if err != nil {
		return nil, err
	}

	response := api.ListDeliveries200JSONResponse{Success: true, Deliveries: make([]api.Delivery, len(page.Items)), Next: next}
	for i, record := range page.Items {
		response.Deliveries[i] = convert.Delivery(record)
	}

	return response, nil
}

// recipient returns the normal form of an e-mail address, and any other text as it is.
func recipient(text string) string {
	if email, err := account.ParseEmail(text); err == nil {
		return email
	}

	return text
}

// GetTimeline returns why a user cannot sign in.
func (a *Admin) GetTimeline(ctx context.Context, r api.GetTimelineRequestObject) (api.GetTimelineResponseObject, error) {
	after, err := convert.CursorOf[timelineCursor](r.Params.Cursor)
	if err != nil {
		return nil, err
	}

	if after == nil {
		after = &timelineCursor{}
	}

	found, err := a.timelines.Of(ctx, grantedTo(ctx).rights, r.AccountID, after.position(), convert.Limit(r.Params.Limit))
	if err != nil {
		return nil, err
	}

	next, err := convert.ToCursor(timelineCursorOf(found.Next))
	if err != nil {
		return nil, err
	}

	response := api.GetTimeline200JSONResponse{
		Success: true, Reasons: make([]api.AccessReason, len(found.Reasons)), Entries: make([]api.TimelineEntry, len(found.Entries)), Next: next,
	}

	for i, reason := range found.Reasons {
		response.Reasons[i] = toReason(reason)
	}

	for i, entry := range found.Entries {
		response.Entries[i] = a.toEntry(ctx, entry)
	}

	return response, nil
}

func toReason(r timeline.Reason) api.AccessReason {
	shown := api.AccessReason{Code: api.AccessReasonCode(r.Code)}

	if !r.Until.IsZero() {
		until := convert.Time(r.Until)
		shown.Factor, shown.Until = &r.Factor, &until
	}

	return shown
}

func (a *Admin) toEntry(ctx context.Context, e timeline.Item) api.TimelineEntry {
	shown := api.TimelineEntry{At: convert.Time(e.At)}

	if e.Event != nil {
		event := convert.Event(*e.Event, a.places, origin.From(ctx).Language)
		shown.Event = &event
	}

	if e.Delivery != nil {
		message := convert.Delivery(*e.Delivery)
		shown.Delivery = &message
	}

	return shown
}
