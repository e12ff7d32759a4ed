package admin

import (
	"github.com/oapi-codegen/nullable"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

func toRights(rights authority.Rights) api.Rights {
	shown := make(api.Rights, len(rights))
	for i, right := range rights {
		shown[i] = api.Right(right)
	}

	return shown
}

func fromRights(rights api.Rights) authority.Rights {
	wanted := make(authority.Rights, len(rights))
	for i, right := range rights {
		wanted[i] = authority.Right(right)
	}

	return wanted
}

func toGroup(g group.Group) api.Group {
	return api.Group{
		Name: g.Name, Description: g.Description, Rights: toRights(g.Rights), RequiresTotp: g.RequiresTOTP, Version: g.Version,
		CreatedAt: convert.Time(g.CreatedAt), UpdatedAt: convert.Time(g.UpdatedAt),
	}
}

func toWebhook(w webhook.Webhook) api.Webhook {
	return api.Webhook{
		ID: w.ID, Host: w.Host, Description: w.Description, Actions: w.Actions, Enabled: w.Enabled, GoneAt: convert.TimeOrNull(w.GoneAt), Version: w.Version,
		CreatedAt: convert.Time(w.CreatedAt), UpdatedAt: convert.Time(w.UpdatedAt),
	}
}

func toWebhookSecret(c webhook.Created) api.WebhookSecretResponse {
	return api.WebhookSecretResponse{Success: true, Webhook: toWebhook(c.Webhook), Secret: c.Secret.Text()}
}

func toWebhookDelivery(d webhook.Delivery) api.WebhookDelivery {
	shown := api.WebhookDelivery{
		EventID: d.EventID, Action: d.Action, State: api.WebhookDeliveryState(d.State), Attempts: d.Attempts,
		LastStatus: nullable.NewNullNullable[int32](), LastError: d.LastError, CreatedAt: convert.Time(d.CreatedAt),
		QueuedAt: convert.Time(d.QueuedAt), NextAttemptAt: convert.TimeOrNull(d.NextAt), FinishedAt: convert.TimeOrNull(d.FinishedAt),
	}

	if d.LastStatus != nil {
		shown.LastStatus = nullable.NewNullableWithValue(*d.LastStatus)
	}

	return shown
}
