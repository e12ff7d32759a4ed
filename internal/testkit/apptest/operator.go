package apptest

import (
	"context"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// SetStatus disables or enables an account, as the operator's command does.
func (e *Env) SetStatus(ctx context.Context, email string, status account.Status) error {
	return e.operate(ctx, email, func(accounts *account.Accounts, target account.Target) error {
		_, err := accounts.SetStatus(origin.With(ctx, origin.Command("test")), group.Operator(), idempotency.Key{}, target, status, "")

		return err
	})
}

// SetGroup assigns the member group of an account, as the operator's command does.
func (e *Env) SetGroup(ctx context.Context, email, name string) error {
	return e.operate(ctx, email, func(accounts *account.Accounts, target account.Target) error {
		_, err := accounts.SetGroup(origin.With(ctx, origin.Command("test")), group.Operator(), idempotency.Key{}, target, name, "")

		return err
	})
}

func (e *Env) operate(ctx context.Context, email string, change func(accounts *account.Accounts, target account.Target) error) error {
	database, err := postgres.Open(ctx, postgres.Options{URL: e.Config.DatabaseURL, MaxConns: 1})
	if err != nil {
		return err
	}
	defer database.Close()

	accounts := account.New(database, nil, e.Clock.Now)

	id, err := accounts.IDOf(ctx, email)
	if err != nil {
		return err
	}

	return change(accounts, account.Target{ID: id})
}
