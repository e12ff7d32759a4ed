package admin

import (
	"time"

	"github.com/oapi-codegen/nullable"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

func (a *Admin) toAccount(r administration.Details) api.AdminAccount {
	shown := api.AdminAccount{
		ID: r.ID, Email: r.Email, Name: r.Name, MemberGroup: r.MemberGroup, Status: api.AccountState(r.Status), Phone: r.Phone,
		Avatar: r.Avatar, Picture: r.Picture, Version: r.Version, SignIns: r.SignIns,
		CreatedAt: convert.Time(r.CreatedAt), UpdatedAt: convert.Time(r.UpdatedAt),
		LastSignInAt: timeOrNull(r.LastSignInAt), LastSeenAt: timeOrNull(r.SeenAt),
	}

	if r.DeletedAt != nil {
		deleted, erased := convert.Time(*r.DeletedAt), convert.Time(r.DeletedAt.Add(a.retention))
		shown.DeletedAt, shown.ErasedAt = &deleted, &erased
	}

	if f := r.Factors; f != nil {
		shown.Factors = &api.Factors{Password: f.Password, Phone: f.Phone, Totp: f.TOTP, RecoveryCodes: int(f.RecoveryCodes), Lark: f.Lark}
	}

	return shown
}

func timeOrNull(t *time.Time) nullable.Nullable[api.TimestampOrNull] {
	if t == nil {
		return nullable.NewNullNullable[api.TimestampOrNull]()
	}

	return nullable.NewNullableWithValue(convert.Time(*t))
}

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

func (a *Admin) toEvent(e audit.Entry, in language.Language) api.AuditEvent {
	detail := e.Detail
	if detail == nil {
		detail = map[string]string{}
	}

	return api.AuditEvent{
		ID: e.ID, At: convert.Time(e.At), Action: string(e.Action), AccountID: e.AccountID, ActorID: e.ActorID, SessionID: e.SessionID,
		Subject: e.Subject, Method: e.Method, Address: convert.Address(e.Address), Location: convert.Location(a.places, e.Address, in),
		UserAgent: e.UserAgent, RequestID: e.RequestID, Detail: detail,
	}
}

func toDelivery(r delivery.LogEntry) api.Delivery {
	return api.Delivery{
		ID: r.ID, Channel: api.DeliveryChannel(r.Channel), Recipient: r.Recipient, Kind: string(r.Kind), State: api.DeliveryState(r.State),
		Attempts: r.Attempts, LastError: r.LastError, CreatedAt: convert.Time(r.CreatedAt), FinishedAt: timeOrNull(r.FinishedAt),
		ExpiresAt: convert.Time(r.ExpiresAt),
	}
}

func toWebhook(w webhook.Webhook) api.Webhook {
	return api.Webhook{
		ID: w.ID, Host: w.Host, Description: w.Description, Actions: w.Actions, Enabled: w.Enabled, GoneAt: timeOrNull(w.GoneAt), Version: w.Version,
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
		QueuedAt: convert.Time(d.QueuedAt), NextAttemptAt: timeOrNull(d.NextAt), FinishedAt: timeOrNull(d.FinishedAt),
	}

	if d.LastStatus != nil {
		shown.LastStatus = nullable.NewNullableWithValue(*d.LastStatus)
	}

	return shown
}
