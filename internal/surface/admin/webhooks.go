package admin

import (
	"context"
	"errors"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

var textAddress = language.Text{
	Chinese: "必须是 https 地址，不能包含用户名或片段，也不能指向内部网络", English: "must be an https address without user name or fragment, and not in a private network",
}

// addressed translates the domain's error for an address that must not be called into the document's.
func addressed(err error) error {
	if errors.Is(err, webhook.ErrAddress) {
		return problem.ErrInvalidRequest.WithFields(problem.Field{Name: "/url", Message: textAddress})
	}

	return err
}

// ListWebhooks returns every webhook.
func (a *Admin) ListWebhooks(ctx context.Context, _ api.ListWebhooksRequestObject) (api.ListWebhooksResponseObject, error) {
	list, err := a.webhooks.List(ctx)
	if err != nil {
		return nil, err
	}

	response := api.ListWebhooks200JSONResponse{Success: true, Webhooks: make([]api.Webhook, len(list))}
	for i, one := range list {
		response.Webhooks[i] = toWebhook(one)
	}

	return response, nil
}

// CreateWebhook creates a webhook.
func (a *Admin) CreateWebhook(ctx context.Context, r api.CreateWebhookRequestObject) (api.CreateWebhookResponseObject, error) {
	key, err := keyOf(ctx, r.Params.IdempotencyKey, "createWebhook", r.Body)
	if err != nil {
		return nil, err
	}

	wanted := webhook.Wanted{URL: r.Body.URL, Description: convert.Text(r.Body.Description), Enabled: r.Body.Enabled == nil || *r.Body.Enabled}
	if r.Body.Actions != nil {
		wanted.Actions = *r.Body.Actions
	}

	created, err := a.webhooks.Create(ctx, freshChange(ctx, key, authority.Target{}, nil), wanted)
	if err != nil {
		return nil, addressed(err)
	}

	return api.CreateWebhook201JSONResponse{
		Body:    toWebhookSecret(created),
		Headers: api.CreateWebhook201ResponseHeaders{ETag: etag(created.Version)},
	}, nil
}

// ChangeWebhook replaces the settings of a webhook.
func (a *Admin) ChangeWebhook(ctx context.Context, r api.ChangeWebhookRequestObject) (api.ChangeWebhookResponseObject, error) {
	target, err := targetOf(r.WebhookID, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}

	key, err := keyOfTarget(ctx, r.Params.IdempotencyKey, "changeWebhook", target, r.Body)
	if err != nil {
		return nil, err
	}

	changed, err := a.webhooks.Change(ctx, freshChange(ctx, key, target, nil), webhook.Wanted{
		URL: convert.Text(r.Body.URL), Description: r.Body.Description, Actions: r.Body.Actions, Enabled: r.Body.Enabled,
	})
	if err != nil {
		return nil, addressed(err)
	}

	return api.ChangeWebhook200JSONResponse{
		Body:    api.WebhookResponse{Success: true, Webhook: toWebhook(changed)},
		Headers: api.ChangeWebhook200ResponseHeaders{ETag: etag(changed.Version)},
	}, nil
}

// RotateWebhookSecret creates a new secret.
func (a *Admin) RotateWebhookSecret(
	ctx context.Context, r api.RotateWebhookSecretRequestObject,
) (api.RotateWebhookSecretResponseObject, error) {
	target, err := targetOf(r.WebhookID, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}

	key, err := keyOfTarget(ctx, r.Params.IdempotencyKey, "rotateWebhookSecret", target)
	if err != nil {
		return nil, err
	}

	rotated, err := a.webhooks.Rotate(ctx, freshChange(ctx, key, target, nil))
	if err != nil {
		return nil, err
	}

	return api.RotateWebhookSecret200JSONResponse{
		Body:    toWebhookSecret(rotated),
		Headers: api.RotateWebhookSecret200ResponseHeaders{ETag: etag(rotated.Version)},
	}, nil
}

// DeleteWebhook deletes a webhook.
func (a *Admin) DeleteWebhook(ctx context.Context, r api.DeleteWebhookRequestObject) (api.DeleteWebhookResponseObject, error) {
	target, err := targetOf(r.WebhookID, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}

	if err := a.webhooks.Delete(ctx, freshChange(ctx, idempotency.Key{}, target, nil)); err != nil {
		return nil, err
	}

	return api.DeleteWebhook204Response{}, nil
}

// ListWebhookDeliveries returns a page of a webhook's deliveries.
func (a *Admin) ListWebhookDeliveries(
	ctx context.Context, r api.ListWebhookDeliveriesRequestObject,
) (api.ListWebhookDeliveriesResponseObject, error) {
	before, err := convert.CursorOf[webhookDeliveryCursor](r.Params.Cursor)
	if err != nil {
		return nil, err
	}

	search := webhook.Search{WebhookID: r.WebhookID, Before: (*webhook.Position)(before), Limit: convert.Limit(r.Params.Limit)}
	if r.Params.State != nil {
		search.State = webhook.State(*r.Params.State)
	}

	page, err := a.webhooks.Deliveries(ctx, search)
	if err != nil {
		return nil, err
	}

	next, err := convert.ToCursor((*webhookDeliveryCursor)(page.Next))
	if err != nil {
		return nil, err
	}

	response := api.ListWebhookDeliveries200JSONResponse{Success: true, Deliveries: make([]api.WebhookDelivery, len(page.Items)), Next: next}
	for i, one := range page.Items {
		response.Deliveries[i] = toWebhookDelivery(one)
	}

	return response, nil
}

// ReplayWebhookDelivery sends one event again.
func (a *Admin) ReplayWebhookDelivery(
	ctx context.Context, r api.ReplayWebhookDeliveryRequestObject,
) (api.ReplayWebhookDeliveryResponseObject, error) {
	key, err := keyOf(ctx, r.Params.IdempotencyKey, "replayWebhookDelivery", r.WebhookID, r.EventID)
	if err != nil {
		return nil, err
	}

	delivery, err := a.webhooks.Again(ctx, change(ctx, key, authority.Target{ID: r.WebhookID}, nil), r.EventID)
	if err != nil {
		return nil, err
	}

	return api.ReplayWebhookDelivery200JSONResponse{Success: true, Delivery: toWebhookDelivery(delivery)}, nil
}

// ReplayWebhook sends the events since a time again.
func (a *Admin) ReplayWebhook(ctx context.Context, r api.ReplayWebhookRequestObject) (api.ReplayWebhookResponseObject, error) {
	since, err := timeAt("/from", r.Body.From)
	if err != nil {
		return nil, err
	}

	after, err := convert.CursorAt[eventCursor]("/cursor", r.Body.Cursor)
	if err != nil {
		return nil, err
	}

	key, err := keyOf(ctx, r.Params.IdempotencyKey, "replayWebhook", r.WebhookID, r.Body)
	if err != nil {
		return nil, err
	}

	replayed, err := a.webhooks.Replay(
		ctx, change(ctx, key, authority.Target{ID: r.WebhookID}, nil), webhook.Replay{Since: since, After: (*webhook.ReplayPoint)(after)})
	if err != nil {
		return nil, err
	}

	next, err := convert.ToCursor((*eventCursor)(replayed.Next))
	if err != nil {
		return nil, err
	}

	return api.ReplayWebhook200JSONResponse{Success: true, Queued: replayed.Queued, Next: next}, nil
}
