package admin

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// ListGroups returns every group.
func (a *Admin) ListGroups(ctx context.Context, _ api.ListGroupsRequestObject) (api.ListGroupsResponseObject, error) {
	groups, err := a.groups.List(ctx)
	if err != nil {
		return nil, err
	}

	response := api.ListGroups200JSONResponse{Success: true, Groups: make([]api.Group, len(groups))}
	for i, g := range groups {
		response.Groups[i] = toGroup(g)
	}

	return response, nil
}

var textName = language.Text{Chinese: "名称首尾不能有空格", English: "must not begin or end with a space"}

// CreateGroup creates a group.
func (a *Admin) CreateGroup(ctx context.Context, r api.CreateGroupRequestObject) (api.CreateGroupResponseObject, error) {
	name, err := account.ParseName(r.Body.Name)
	if err != nil || name != r.Body.Name {
		return nil, problem.ErrInvalidRequest.WithFields(problem.Field{Name: "/name", Message: textName})
	}

	key, err := keyOf(ctx, r.Params.IdempotencyKey, "createGroup", r.Body)
	if err != nil {
		return nil, err
	}

	var rights authority.Rights
	if r.Body.Rights != nil {
		rights = fromRights(*r.Body.Rights)
	}

	created, err := a.groups.Create(ctx, freshChange(ctx, key, authority.Target{}, nil), group.Group{
		Name: name, Description: convert.Text(r.Body.Description), Rights: rights,
		RequiresTOTP: r.Body.RequiresTotp != nil && *r.Body.RequiresTotp,
	})
	if err != nil {
		return nil, err
	}

	return api.CreateGroup201JSONResponse{
		Body:    api.GroupResponse{Success: true, Group: toGroup(created)},
		Headers: api.CreateGroup201ResponseHeaders{ETag: etag(created.Version)},
	}, nil
}

// ChangeGroup replaces the content of a group.
func (a *Admin) ChangeGroup(ctx context.Context, r api.ChangeGroupRequestObject) (api.ChangeGroupResponseObject, error) {
	target, err := targetOf(r.Group, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}

	key, err := keyOfTarget(ctx, r.Params.IdempotencyKey, "changeGroup", target, r.Body)
	if err != nil {
		return nil, err
	}

	changed, err := a.groups.Change(ctx, freshChange(ctx, key, target, nil), group.Group{
		Description: r.Body.Description, Rights: fromRights(r.Body.Rights), RequiresTOTP: r.Body.RequiresTotp,
	})
	if err != nil {
		return nil, err
	}

	return api.ChangeGroup200JSONResponse{
		Body:    api.GroupResponse{Success: true, Group: toGroup(changed)},
		Headers: api.ChangeGroup200ResponseHeaders{ETag: etag(changed.Version)},
	}, nil
}

// DeleteGroup deletes a group that has no members.
func (a *Admin) DeleteGroup(ctx context.Context, r api.DeleteGroupRequestObject) (api.DeleteGroupResponseObject, error) {
	target, err := targetOf(r.Group, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}

	if err := a.groups.Delete(ctx, freshChange(ctx, idempotency.Key{}, target, nil)); err != nil {
		return nil, err
	}

	return api.DeleteGroup204Response{}, nil
}
