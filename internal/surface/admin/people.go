package admin

import (
	"context"
	"fmt"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// CreateAccount creates an account for a user.
func (a *Admin) CreateAccount(ctx context.Context, r api.CreateAccountRequestObject) (api.CreateAccountResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	name, err := account.ParseName(r.Body.Name)
	if err != nil {
		return nil, fmt.Errorf("validated name: %w", err)
	}

	key, err := keyOf(ctx, r.Params.IdempotencyKey, "createAccount", r.Body)
	if err != nil {
		return nil, err
	}

	created, err := a.accounts.CreateFor(ctx, freshChange(ctx, key, authority.Target{}, nil),
		account.Creation{Email: email, Name: name, MemberGroup: r.Body.MemberGroup}, invitation(r.Body))
	if err != nil {
		return nil, named(err)
	}

	return api.CreateAccount201JSONResponse{
		Body:    api.AccountResponse{Success: true, Account: convert.Account(created, a.retention)},
		Headers: api.CreateAccount201ResponseHeaders{ETag: etag(created.Version)},
	}, nil
}

// invitation returns the language of the mail to a new account, empty for no mail.
func invitation(r *api.CreateAccountRequest) language.Language {
	if r.Invite != nil && !*r.Invite {
		return ""
	}

	return mailLanguage(r.Language)
}

// mailLanguage is the recipient's language: the administrator's own says nothing about it.
func mailLanguage(wanted *api.MailLanguage) language.Language {
	if wanted == nil {
		return language.Chinese
	}

	return language.Parse(string(*wanted))
}

// DeleteAccount deletes an account, which is kept during the retention period.
func (a *Admin) DeleteAccount(ctx context.Context, r api.DeleteAccountRequestObject) (api.DeleteAccountResponseObject, error) {
	target, err := targetOf(r.AccountID, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}

	key, err := keyOf(ctx, r.Params.IdempotencyKey, "deleteAccount", target)
	if err != nil {
		return nil, err
	}

	deleted, err := a.accounts.SetStatus(ctx, freshChange(ctx, key, target, nil), account.Deleted)
	if err != nil {
		return nil, err
	}

	return api.DeleteAccount200JSONResponse{
		Body:    api.AccountResponse{Success: true, Account: convert.Account(deleted, a.retention)},
		Headers: api.DeleteAccount200ResponseHeaders{ETag: etag(deleted.Version)},
	}, nil
}

// SendCode mails a code to a user who did not receive one.
func (a *Admin) SendCode(ctx context.Context, r api.SendCodeRequestObject) (api.SendCodeResponseObject, error) {
	email, err := convert.Email(r.Body.Email)
	if err != nil {
		return nil, err
	}

	send := a.codes.Reset
	if r.Body.Purpose == api.SendCodeAgainRequestPurposeRegistration {
		send = a.codes.Registration
	}

	recipient := origin.From(ctx)
	recipient.Language = mailLanguage(r.Body.Language)

	if err := send(origin.With(ctx, recipient), actor(ctx), email); err != nil {
		return nil, err
	}

	return api.SendCode204Response{}, nil
}

// exported is the most entries of each kind in an export, as in the document.
const exported = 1000

// ExportAccount returns all data that is kept about a user.
func (a *Admin) ExportAccount(ctx context.Context, r api.ExportAccountRequestObject) (api.ExportAccountResponseObject, error) {
	found, err := a.accounts.Get(ctx, r.AccountID)
	if err != nil {
		return nil, err
	}

	sessions, err := a.sessions.List(ctx, found.ID)
	if err != nil {
		return nil, err
	}

	events, err := a.events.Find(ctx, audit.Search{AccountID: found.ID, Limit: exported})
	if err != nil {
		return nil, err
	}

	recipients := []string{found.Email}
	if found.Phone != "" {
		recipients = append(recipients, found.Phone)
	}

	messages, err := a.messages.Find(ctx, delivery.Search{Recipients: recipients, Limit: exported})
	if err != nil {
		return nil, err
	}

	err = a.accounts.RecordExport(ctx, freshChange(ctx, idempotency.Key{}, authority.Target{ID: found.ID}, nil))
	if err != nil {
		return nil, err
	}

	own := session.PrincipalFrom(ctx).SessionID
	response := api.ExportAccount200JSONResponse{
		Success: true, ExportedAt: convert.Time(a.now()), Account: convert.Account(found, a.retention),
		Sessions: convert.Sessions(sessions, own, a.places, origin.From(ctx).Language).Sessions,
		Events:   make([]api.AuditEvent, len(events.Items)), Deliveries: make([]api.Delivery, len(messages.Items)),
	}

	for i, event := range events.Items {
		response.Events[i] = convert.Event(event, a.places, origin.From(ctx).Language)
	}

	for i, message := range messages.Items {
		response.Deliveries[i] = convert.Delivery(message)
	}

	return response, nil
}
