package apptest

import (
	"context"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// SetStatus disables or enables an account, as the operator's command does.
func (e *Env) SetStatus(ctx context.Context, email string, status account.Status) error {
	return e.operate(ctx, email, func(accounts *administration.Administration, change authority.Change) error {
		_, err := accounts.SetStatus(origin.With(ctx, origin.Command("test")), change, status)

		return err
	})
}

// SetGroup assigns the member group of an account, as the operator's command does.
func (e *Env) SetGroup(ctx context.Context, email, name string) error {
	return e.operate(ctx, email, func(accounts *administration.Administration, change authority.Change) error {
		_, err := accounts.SetGroup(origin.With(ctx, origin.Command("test")), change, name)

		return err
	})
}

func (e *Env) operate(ctx context.Context, email string, change func(accounts *administration.Administration, change authority.Change) error) error {
	database, err := postgres.Open(ctx, postgres.Options{URL: e.Config.DatabaseURL, MaxConns: 1})
	if err != nil {
		return err
	}
	defer database.Close()

	id, err := account.New(database, e.Clock.Now).IDOf(ctx, email)
	if err != nil {
		return err
	}

	return change(administration.New(database, nil, e.Clock.Now), authority.Change{Actor: authority.Operator(), Target: authority.Target{ID: id}})
}
