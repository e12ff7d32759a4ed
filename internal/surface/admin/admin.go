// Package admin is the surface of administrators: who has an account, in which group, and what happened. It accepts
// a bearer token or a console's cookie; the document names the schemes of each operation, and the right that it
// requires. A handler reads its input, calls one method, and builds the response.
package admin

import (
	"context"
	"slices"
	"time"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/timeline"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// Deps are what Admin is made of.
type Deps struct {
	Accounts  *administration.Administration
	Groups    *group.Groups
	Sessions  *session.Sessions
	Events    *audit.Reader
	Messages  *delivery.Log
	Timelines *timeline.Timelines
	Webhooks  *webhook.Webhooks
	Limits    *administration.Limits
	Places    *geo.Locator
	Codes     CodeSenders
	Retention time.Duration // how long a deleted account is kept
	Now       func() time.Time
}

// CodeSenders mails a code of either kind to an address, or returns why it cannot.
type CodeSenders struct {
	Registration, Reset func(ctx context.Context, actor authority.Actor, email string) error
}

// Admin implements the operations of the surface of administrators.
type Admin struct {
	accounts  *administration.Administration
	groups    *group.Groups
	sessions  *session.Sessions
	events    *audit.Reader
	messages  *delivery.Log
	timelines *timeline.Timelines
	webhooks  *webhook.Webhooks
	limits    *administration.Limits
	places    *geo.Locator
	codes     CodeSenders
	retention time.Duration
	now       func() time.Time
}

// New makes Admin.
func New(d Deps) *Admin {
	return &Admin{
		accounts: d.Accounts, groups: d.Groups, sessions: d.Sessions, events: d.Events, messages: d.Messages, timelines: d.Timelines,
		webhooks: d.Webhooks, limits: d.Limits, places: d.Places, codes: d.Codes, retention: d.Retention, now: d.Now,
	}
}

type rightsKey struct{}

// granted is what a call was authorized for.
type granted struct {
	right  authority.Right // that the operation requires, the first if it requires several
	rights authority.Rights
}

// Authorize returns the context of a caller whose member group has all of the rights, or problem.ErrRightMissing. It reads the
// current group, whatever an access token says, and returns authority.ErrTwoFactorsRequired if two factors are asked for
// and the session was opened with one. A change confirms it again in its transaction.
func (a *Admin) Authorize(ctx context.Context, required []string) (context.Context, error) {
	rights, enough, err := a.groups.Rights(ctx, session.PrincipalFrom(ctx).SessionID)

	switch {
	case err != nil:
		return nil, err
	case slices.ContainsFunc(required, func(right string) bool { return !rights.Has(authority.Right(right)) }):
		return nil, problem.ErrRightMissing
	case !enough:
		return nil, authority.ErrTwoFactorsRequired
	}

	return context.WithValue(ctx, rightsKey{}, granted{authority.Right(required[0]), rights}), nil
}

func grantedTo(ctx context.Context) granted { return ctx.Value(rightsKey{}).(granted) }

// actor returns the caller, in every operation of this surface.
func actor(ctx context.Context) authority.Actor {
	actor := session.PrincipalFrom(ctx).Actor(0)
	actor.Right = grantedTo(ctx).right

	return actor
}

// Rights returns every value that x-required-right may have.
func Rights() []string {
	names := []string{string(authority.Any)}
	for _, right := range authority.All {
		names = append(names, string(right))
	}

	return names
}

// GetAdministrator returns the caller's account and rights.
func (a *Admin) GetAdministrator(ctx context.Context, _ api.GetAdministratorRequestObject) (api.GetAdministratorResponseObject, error) {
	found, err := a.accounts.Get(ctx, actor(ctx).AccountID)
	if err != nil {
		return nil, err
	}

	return api.GetAdministrator200JSONResponse{Success: true, Account: convert.Account(found, a.retention), Rights: toRights(grantedTo(ctx).rights)}, nil
}
