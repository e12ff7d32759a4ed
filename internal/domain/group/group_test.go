package group_test

import (
	"slices"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

func TestNames(t *testing.T) {
	t.Parallel()

	database, err := postgres.Open(t.Context(), postgres.Options{URL: postgrestest.New(t), MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(database.Close)

	groups := group.New(database, (&apptest.Clock{}).Now)

	_, err = groups.Create(origin.With(t.Context(), origin.Command("test")), authority.Change{Actor: authority.Operator()}, group.Group{Name: "Beta"})
	if err != nil {
		t.Fatal(err)
	}

	if names, err := groups.Names(t.Context()); err != nil || !slices.Equal(names, []string{"Admin", "Beta", "Member", "None", "Tester"}) {
		t.Errorf("got %q, %v", names, err)
	}
}
