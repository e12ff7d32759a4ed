package convert

import (
	"time"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// Account returns the document's AdminAccount. retention is how long a deleted account is kept.
func Account(r administration.Details, retention time.Duration) api.AdminAccount {
	shown := api.AdminAccount{
		ID: r.ID, Email: r.Email, Name: r.Name, MemberGroup: r.MemberGroup, Status: api.AccountState(r.Status), Phone: r.Phone,
		Avatar: r.Avatar, Picture: r.Picture, Version: r.Version, SignIns: r.SignIns,
		CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt),
		LastSignInAt: TimeOrNull(r.LastSignInAt), LastSeenAt: TimeOrNull(r.SeenAt),
	}

	if r.DeletedAt != nil {
		deleted, erased := Time(*r.DeletedAt), Time(r.DeletedAt.Add(retention))
		shown.DeletedAt, shown.ErasedAt = &deleted, &erased
	}

	if f := r.Factors; f != nil {
		shown.Factors = &api.Factors{Password: f.Password, Phone: f.Phone, Totp: f.TOTP, RecoveryCodes: int(f.RecoveryCodes), Lark: f.Lark}
	}

	return shown
}

// Event returns the document's AuditEvent.
func Event(e audit.Entry, places *geo.Locator, in language.Language) api.AuditEvent {
	detail := e.Detail
	if detail == nil {
		detail = map[string]string{}
	}

	return api.AuditEvent{
		ID: e.ID, At: Time(e.At), Action: string(e.Action), AccountID: e.AccountID, ActorID: e.ActorID, SessionID: e.SessionID,
		Subject: e.Subject, Method: e.Method, Address: Address(e.Address), Location: Location(places, e.Address, in),
		UserAgent: e.UserAgent, RequestID: e.RequestID, Detail: detail,
	}
}

// Delivery returns the document's Delivery.
func Delivery(r delivery.LogEntry) api.Delivery {
	return api.Delivery{
		ID: r.ID, Channel: api.DeliveryChannel(r.Channel), Recipient: r.Recipient, Kind: string(r.Kind), State: api.DeliveryState(r.State),
		Attempts: r.Attempts, LastError: r.LastError, CreatedAt: Time(r.CreatedAt), FinishedAt: TimeOrNull(r.FinishedAt),
		ExpiresAt: Time(r.ExpiresAt),
	}
}
