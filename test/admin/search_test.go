package admin_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
)

// addSearchedAccounts creates accounts so that each search finds some.
func addSearchedAccounts(t *testing.T, g *adminGateway) {
	t.Helper()

	now := g.Clock.Now()

	for i := range 25 {
		name := fmt.Sprintf("Person %02d", i)
		if i%5 == 0 {
			name = fmt.Sprintf("张伟 %02d", i)
		}

		group, status := "None", "active"
		if i%2 == 1 {
			group = "Member"
		}

		if i%10 == 3 {
			status = "disabled"
		}

		var seen *time.Time
		if i > 4 {
			at := now.Add(-time.Duration(i) * 24 * time.Hour)
			seen = &at
		}

		_, err := g.Pool.Exec(t.Context(), `
			INSERT INTO account (id, email, name, member_group, status, phone, created_at, updated_at, seen_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)`,
			fmt.Sprintf("68ca4a3d%016x", i), fmt.Sprintf("p%02d_x%%@directory.konec.test", i), name, group, status,
			fmt.Sprintf("+8613%09d", i), now, seen)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// search reads all pages of a search and returns the numbers of the accounts in their order.
func (g *adminGateway) search(t *testing.T, params client.ListAccountsParams) (numbers []string) {
	t.Helper()

	for {
		page, err := g.Client.ListAccountsWithResponse(t.Context(), &params, g.admin)
		if err != nil || page.JSON200 == nil {
			t.Fatalf("list: %v %s", err, page.Body)
		}

		for _, a := range page.JSON200.Accounts {
			if strings.HasSuffix(a.Email, "@directory.konec.test") {
				numbers = append(numbers, a.Email[1:3])
			}
		}

		next, err := page.JSON200.Next.Get()
		if err != nil {
			return numbers
		}

		params.Cursor = &next
	}
}

// A search returns each match once and in order, however small the pages are.
func TestAccountSearch(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	addSearchedAccounts(t, g)

	text := func(s string) *string { return &s }
	order := func(o client.ListAccountsParamsOrder) *client.ListAccountsParamsOrder { return &o }
	disabled := client.ListAccountsParamsStatus("disabled")
	day := func(days int) *time.Time {
		at := g.Clock.Now().Add(-time.Duration(days)*24*time.Hour + time.Hour)

		return &at
	}

	all := make([]string, 25)
	for i := range all {
		all[i] = fmt.Sprintf("%02d", i)
	}

	backwards := slices.Clone(all)
	slices.Reverse(backwards)

	for name, c := range map[string]struct {
		params client.ListAccountsParams
		want   []string
	}{
		"everybody, the newest first":   {client.ListAccountsParams{}, backwards},
		"everybody, the oldest first":   {client.ListAccountsParams{Order: order("oldest")}, all},
		"an address":                    {client.ListAccountsParams{Email: text("P07_X%@directory.konec.test")}, []string{"07"}},
		"the beginning of addresses":    {client.ListAccountsParams{Email: text("p1")}, all[10:20]},
		"a percent sign":                {client.ListAccountsParams{Email: text("%")}, nil},
		"an underline":                  {client.ListAccountsParams{Email: text("p_")}, nil},
		"the beginning of names":        {client.ListAccountsParams{Name: text("person 1")}, []string{"11", "12", "13", "14", "16", "17", "18", "19"}},
		"a Chinese name":                {client.ListAccountsParams{Name: text("张")}, []string{"00", "05", "10", "15", "20"}},
		"a number":                      {client.ListAccountsParams{Phone: text("+8613000000009")}, []string{"09"}},
		"the beginning of numbers":      {client.ListAccountsParams{Phone: text("+861300000001")}, all[10:20]},
		"an id":                         {client.ListAccountsParams{ID: text("68ca4a3d000000000000000a")}, []string{"10"}},
		"the beginning of ids":          {client.ListAccountsParams{ID: text("68ca4a3d000000000000001")}, []string{"24", "23", "22", "21", "20", "19", "18", "17", "16"}},
		"a group":                       {client.ListAccountsParams{Group: text("Member"), Order: order("oldest")}, []string{"01", "03", "05", "07", "09", "11", "13", "15", "17", "19", "21", "23"}},
		"a status":                      {client.ListAccountsParams{Status: &disabled}, []string{"23", "13", "03"}},
		"a name in a group":             {client.ListAccountsParams{Name: text("张"), Group: text("None")}, []string{"00", "10", "20"}},
		"those not seen for long first": {client.ListAccountsParams{Order: order("seen"), SeenBefore: day(20)}, []string{"00", "01", "02", "03", "04", "24", "23", "22", "21", "20"}},
		"those seen lately":             {client.ListAccountsParams{SeenAfter: day(8), Order: order("oldest")}, []string{"05", "06", "07"}},
		"no match":                      {client.ListAccountsParams{Email: text("unknown")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			for _, limit := range []int{1, 3, 25, 200} {
				params := c.params
				params.Limit = &limit

				if got := g.search(t, params); !slices.Equal(got, c.want) {
					t.Errorf("pages of %d: %v, want %v", limit, got, c.want)
				}
			}
		})
	}

	count := true

	page, err := g.Client.ListAccountsWithResponse(t.Context(), &client.ListAccountsParams{Email: text("p1"), Count: &count}, g.admin)
	if err != nil || page.JSON200 == nil || page.JSON200.Total == nil || *page.JSON200.Total != 10 {
		t.Errorf("count: %v %s", err, page.Body)
	}

	if page, err = g.Client.ListAccountsWithResponse(t.Context(), &client.ListAccountsParams{Email: text("p1")}, g.admin); err != nil || page.JSON200 == nil || page.JSON200.Total != nil {
		t.Errorf("counted unasked: %v %s", err, page.Body)
	}
}

// A cursor that the server did not issue, or issued for another search, is refused with 400 or finds nothing. It is
// never a 500.
func TestForeignCursorIsRefused(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	addSearchedAccounts(t, g)

	for _, cursor := range []string{"x", "e30x", "bnVsbA", "W10", "eyJpIjoxfQ", "eyJpIjoiXHUwMDAwIn0", strings.Repeat("A", 1000)} {
		got, err := g.Client.ListAccountsWithResponse(t.Context(), &client.ListAccountsParams{Cursor: &cursor}, g.admin)
		if err != nil || got.StatusCode() != 400 && got.StatusCode() != 200 {
			t.Errorf("%s: %v %s", cursor, err, got.Body)
		}
	}
}
