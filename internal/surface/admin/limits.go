package admin

import (
	"context"
	"time"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// ListLimits returns the budgets and the waits that hold now.
func (a *Admin) ListLimits(ctx context.Context, _ api.ListLimitsRequestObject) (api.ListLimitsResponseObject, error) {
	standing, err := a.limits.List(ctx, grantedTo(ctx).rights)
	if err != nil {
		return nil, err
	}

	response := api.ListLimits200JSONResponse{
		Success: true, Complete: standing.Complete,
		Budgets: make([]api.LimitBudget, len(standing.Budgets)), Waits: make([]api.LimitWait, len(standing.Waits)),
	}

	for i, budget := range standing.Budgets {
		var until *time.Time
		if !budget.Ends.IsZero() {
			until = &budget.Ends
		}

		response.Budgets[i] = api.LimitBudget{Name: budget.Name, Used: budget.Used, Max: budget.Max, Until: convert.TimeOrNull(until)}
	}

	for i, wait := range standing.Waits {
		response.Waits[i] = toLimitWait(wait)
	}

	return response, nil
}

func toLimitWait(wait throttle.Held) api.LimitWait {
	places := wait.Places
	if places == nil {
		places = []string{}
	}

	return api.LimitWait{
		Limit: wait.Limit, Subject: wait.Subject, Kind: api.LimitWaitKind(wait.Kind), Factor: wait.Factor, Places: places,
		AccountID: wait.AccountID, Email: wait.Email, Used: wait.Used, Max: wait.Max, Until: convert.Time(wait.Until),
	}
}

// LiftLimit lifts a budget, or a wait.
func (a *Admin) LiftLimit(ctx context.Context, r api.LiftLimitRequestObject) (api.LiftLimitResponseObject, error) {
	if err := a.limits.Lift(ctx, freshChange(ctx, idempotency.Key{}, authority.Target{}, nil), r.Body.Limit, convert.Text(r.Body.Subject)); err != nil {
		return nil, err
	}

	return api.LiftLimit204Response{}, nil
}
