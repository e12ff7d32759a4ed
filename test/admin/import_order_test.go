package admin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/transfer"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// UI-D2: lists show imported accounts in the order of registration, over their pages, in both directions.
func TestImportedAccountsAreListedByRegistration(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)

	keys, err := keyring.Parse(g.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	database, err := postgres.Open(t.Context(), postgres.Options{URL: g.Config.DatabaseURL, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(database.Close)

	text := `email,name,createdAt
c@konec.test,410,2025-10-17T08:00:00Z
d@konec.test,466,2025-08-22T08:00:00.004Z
b@konec.test,38,2026-10-24T08:00:00Z
e@konec.test,467,2025-08-22T08:00:00.003Z
f@konec.test,468,2025-08-22T08:00:00.003Z
a@konec.test,676,2025-01-24T08:00:00Z
`
	oldest := []string{"676", "467", "468", "466", "410", "38"}

	done, err := transfer.New(transfer.Deps{DB: database, Keys: keys, Now: g.Clock.Now}).Import(origin.With(t.Context(), origin.Command("test")),
		transfer.Input{Name: "accounts.csv", From: strings.NewReader(text), Size: int64(len(text))}, transfer.Options{Format: transfer.Auto, Group: "None"})
	if err != nil || done.Imported != 6 {
		t.Fatalf("%+v, %v", done, err)
	}

	if left := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM account WHERE search IS NULL"); left > 0 {
		t.Errorf("a search does not find %d of them yet", left)
	}

	group, two := "None", 2

	for order, want := range map[client.ListAccountsParamsOrder][]string{"oldest": oldest, "newest": reversed(oldest)} {
		var got []string

		params := client.ListAccountsParams{Order: &order, Group: &group, Limit: &two}

		for {
			page, err := g.Client.ListAccountsWithResponse(t.Context(), &params, g.admin)
			if err != nil || page.JSON200 == nil {
				t.Fatalf("list: %v %s", err, page.Body)
			}

			for _, a := range page.JSON200.Accounts {
				got = append(got, a.Name)
			}

			next, err := page.JSON200.Next.Get()
			if err != nil {
				break
			}

			params.Cursor = &next
		}

		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", order, got, want)
		}
	}
}

func reversed(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)

	return list
}
