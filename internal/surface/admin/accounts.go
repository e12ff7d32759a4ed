package admin

import (
	"context"
	"errors"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

var (
	textOrder   = language.Text{Chinese: "不能与搜索同时使用", English: "cannot be combined with a search"}
	textNoGroup = language.Text{Chinese: "没有这个成员组", English: "is not a member group"}
)

// ListAccounts returns a page of accounts.
func (a *Admin) ListAccounts(ctx context.Context, r api.ListAccountsRequestObject) (api.ListAccountsResponseObject, error) {
	search, err := searchOf(r.Params)
	if err != nil {
		return nil, err
	}

	page, err := a.accounts.Find(ctx, search)
	if err != nil {
		return nil, err
	}

	next, err := convert.ToCursor((*accountCursor)(page.Next))
	if err != nil {
		return nil, err
	}

	response := api.ListAccounts200JSONResponse{
		Success: true, Accounts: make([]api.AdminAccount, len(page.Items)), Next: next, Total: page.Total,
	}
	for i, found := range page.Items {
		response.Accounts[i] = convert.Account(found, a.retention)
	}

	return response, nil
}

func searchOf(p api.ListAccountsParams) (search administration.Search, err error) {
	search = administration.Search{
		Text: convert.Text(p.Q), Email: convert.Text(p.Email), Name: convert.Text(p.Name), Phone: convert.Text(p.Phone), ID: convert.Text(p.ID),
		Group: convert.Text(p.Group), Order: administration.Newest, Limit: convert.Limit(p.Limit), Count: p.Count != nil && *p.Count,
	}

	if p.Status != nil {
		search.Status = account.Status(*p.Status)
	}

	if p.Order != nil {
		if search.Email+search.Name+search.Phone != "" {
			return search, problem.ErrInvalidRequest.WithFields(problem.Field{Name: "?order", Message: textOrder})
		}

		search.Order = administration.Order(*p.Order)
	}

	if search.SeenAfter, err = timeOf("seenAfter", p.SeenAfter); err != nil {
		return search, err
	}

	if search.SeenBefore, err = timeOf("seenBefore", p.SeenBefore); err != nil {
		return search, err
	}

	after, err := convert.CursorOf[accountCursor](p.Cursor)
	search.After = (*administration.Position)(after)

	return search, err
}

// GetAccount returns one account.
func (a *Admin) GetAccount(ctx context.Context, r api.GetAccountRequestObject) (api.GetAccountResponseObject, error) {
	found, err := a.accounts.Get(ctx, r.AccountID)
	if err != nil {
		return nil, err
	}

	return api.GetAccount200JSONResponse{
		Body:    api.AccountResponse{Success: true, Account: convert.Account(found, a.retention)},
		Headers: api.GetAccount200ResponseHeaders{ETag: etag(found.Version)},
	}, nil
}

// targetOf is what to change, in one of the versions that the caller accepts.
func targetOf(id, ifMatch string) (authority.Target, error) {
	versions, err := versionsOf(ifMatch)
	if err != nil || versions == nil {
		return authority.Target{ID: id}, err
	}

	return authority.Target{ID: id, Version: &versions[0], OrVersions: versions[1:]}, nil
}

// named translates the domain's error for an unknown group into the document's.
func named(err error) error {
	if errors.Is(err, account.ErrUnknownGroup) {
		return problem.ErrInvalidRequest.WithFields(problem.Field{Name: "/memberGroup", Message: textNoGroup})
	}

	return err
}

// change is what the caller's changes have in common.
func change(ctx context.Context, key idempotency.Key, target authority.Target, reason *string) authority.Change {
	return authority.Change{Actor: actor(ctx), Key: key, Target: target, Reason: convert.Text(reason)}
}

// freshChange is change for what asks for a fresh sign-in.
func freshChange(ctx context.Context, key idempotency.Key, target authority.Target, reason *string) authority.Change {
	c := change(ctx, key, target, reason)
	c.Actor = c.Actor.Fresh()

	return c
}

// SetAccountGroup assigns a group.
func (a *Admin) SetAccountGroup(ctx context.Context, r api.SetAccountGroupRequestObject) (api.SetAccountGroupResponseObject, error) {
	target, err := targetOf(r.AccountID, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}

	key, err := keyOf(ctx, r.Params.IdempotencyKey, "setAccountGroup", target, r.Body)
	if err != nil {
		return nil, err
	}

	changed, err := a.accounts.SetGroup(ctx, freshChange(ctx, key, target, r.Body.Reason), r.Body.MemberGroup)
	if err != nil {
		return nil, named(err)
	}

	return api.SetAccountGroup200JSONResponse{
		Body:    api.AccountResponse{Success: true, Account: convert.Account(changed, a.retention)},
		Headers: api.SetAccountGroup200ResponseHeaders{ETag: etag(changed.Version)},
	}, nil
}

// AssignGroup assigns one group to many accounts.
func (a *Admin) AssignGroup(ctx context.Context, r api.AssignGroupRequestObject) (api.AssignGroupResponseObject, error) {
	targets := make([]authority.Target, len(r.Body.Accounts))
	for i, one := range r.Body.Accounts {
		targets[i] = authority.Target{ID: one.ID, Version: &one.Version}
	}

	key, err := keyOf(ctx, r.Params.IdempotencyKey, "assignGroup", r.Body)
	if err != nil {
		return nil, err
	}

	results, err := a.accounts.SetGroups(ctx, freshChange(ctx, key, authority.Target{}, nil), targets, r.Body.MemberGroup)
	if err != nil {
		return nil, named(err)
	}

	response := api.AssignGroup200JSONResponse{Success: true, Results: make([]api.GroupAssignment, len(results))}

	for i, result := range results {
		response.Results[i] = api.GroupAssignment{ID: result.ID, Changed: result.Refusal == nil}

		if result.Refusal == nil {
			response.Results[i].Version = &result.Version
		} else {
			code := api.ErrorCode(result.Refusal.Code)
			response.Results[i].Code = &code
		}
	}

	return response, nil
}

// SetAccountStatus disables or enables an account.
func (a *Admin) SetAccountStatus(ctx context.Context, r api.SetAccountStatusRequestObject) (api.SetAccountStatusResponseObject, error) {
	target, err := targetOf(r.AccountID, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}

	key, err := keyOf(ctx, r.Params.IdempotencyKey, "setAccountStatus", target, r.Body)
	if err != nil {
		return nil, err
	}

	changed, err := a.accounts.SetStatus(ctx, change(ctx, key, target, r.Body.Reason), account.Status(r.Body.Status))
	if err != nil {
		return nil, err
	}

	return api.SetAccountStatus200JSONResponse{
		Body:    api.AccountResponse{Success: true, Account: convert.Account(changed, a.retention)},
		Headers: api.SetAccountStatus200ResponseHeaders{ETag: etag(changed.Version)},
	}, nil
}

// ResetFactor removes a way to sign in.
func (a *Admin) ResetFactor(ctx context.Context, r api.ResetFactorRequestObject) (api.ResetFactorResponseObject, error) {
	target, err := targetOf(r.AccountID, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}

	key, err := keyOf(ctx, r.Params.IdempotencyKey, "resetFactor", target, r.Factor)
	if err != nil {
		return nil, err
	}

	changed, err := a.accounts.ResetFactor(ctx, freshChange(ctx, key, target, nil), administration.Factor(r.Factor))
	if err != nil {
		return nil, err
	}

	return api.ResetFactor200JSONResponse{
		Body:    api.AccountResponse{Success: true, Account: convert.Account(changed, a.retention)},
		Headers: api.ResetFactor200ResponseHeaders{ETag: etag(changed.Version)},
	}, nil
}

// UnlockAccount lets the user try again immediately.
func (a *Admin) UnlockAccount(ctx context.Context, r api.UnlockAccountRequestObject) (api.UnlockAccountResponseObject, error) {
	if err := a.accounts.Unlock(ctx, authority.Change{Actor: actor(ctx), Target: authority.Target{ID: r.AccountID}}); err != nil {
		return nil, err
	}

	return api.UnlockAccount204Response{}, nil
}
