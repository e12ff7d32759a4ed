package administration

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Order is that of a search for no particular person.
type Order string

// The orders.
const (
	Newest    Order = "newest"
	Oldest    Order = "oldest"
	LeastSeen Order = "seen" // those first who were not there for the longest time
)

// Search says which accounts. What is empty is not asked for. Email, Name, Phone and ID are beginnings; where one of
// the first three is there, accounts come in the order of it.
type Search struct {
	Email, Name, Phone, ID string

	Group      string
	Status     account.Status
	SeenAfter  *time.Time
	SeenBefore *time.Time
	Order      Order

	After *Position // where the page before ended; nil for the first
	Limit int32
	Count bool // count all that match, which takes longer the more there are
}

// Position is an account's place in the order of a search.
type Position struct {
	ID   string    `json:"i"`
	Text string    `json:"t,omitempty"` // its address, name or number
	Seen time.Time `json:"s,omitzero"`
}

// Page is a part of what was found.
type Page struct {
	Records []Details
	Next    *Position // nil where this is the last
	Total   *int64    // only where it was asked for
}

// Find answers a page of accounts.
func (a *Administration) Find(ctx context.Context, search Search) (page Page, err error) {
	err = a.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		queries := db.New(postgres.Planned(conn))
		filter := search.filter()

		rows, err := search.list(ctx, queries, filter)
		if err != nil {
			return fmt.Errorf("search accounts: %w", err)
		}

		page = search.page(rows)

		if search.Count {
			total, err := queries.AccountCount(ctx, filter)
			if err != nil {
				return fmt.Errorf("count accounts: %w", err)
			}

			page.Total = &total
		}

		return nil
	})

	return page, err
}

func (s Search) page(rows []db.AccountRecordRow) Page {
	var page Page

	for i, row := range rows {
		if i == int(s.Limit) {
			last := page.Records[i-1]
			page.Next = s.position(rows[i-1], last)

			break
		}

		page.Records = append(page.Records, detailsOf(row))
	}

	return page
}

func (s Search) position(row db.AccountRecordRow, last Details) *Position {
	position := &Position{ID: last.ID}

	switch {
	case s.Email != "":
		position.Text = last.Email
	case s.Name != "":
		position.Text = last.Name
	case s.Phone != "":
		position.Text = last.Phone
	case s.Order == LeastSeen:
		position.Seen = time.Unix(0, 0)
		if row.SeenAt != nil {
			position.Seen = *row.SeenAt
		}
	}

	return position
}

// filter is what all orders share.
func (s Search) filter() db.AccountCountParams {
	filter := db.AccountCountParams{
		Email: beginning(strings.ToLower(s.Email)), Person: beginning(s.Name), Phone: beginning(s.Phone),
		MemberGroup: orNil(s.Group), Status: orNil(string(s.Status)), SeenAfter: s.SeenAfter, SeenBefore: s.SeenBefore,
	}

	if s.ID != "" {
		first, last := s.ID+strings.Repeat("0", 24-len(s.ID)), s.ID+strings.Repeat("f", 24-len(s.ID))
		filter.FirstID, filter.LastID = &first, &last
	}

	return filter
}

// list asks the one of the six queries whose order it is. One more than the page holds says that there is a next.
func (s Search) list(ctx context.Context, queries *db.Queries, f db.AccountCountParams) ([]db.AccountRecordRow, error) {
	var (
		afterID, afterText *string
		afterSeen          *time.Time
		most               = s.Limit + 1
	)

	if s.After != nil {
		afterID, afterText, afterSeen = &s.After.ID, &s.After.Text, &s.After.Seen
	}

	switch {
	case s.Email != "":
		rows, err := queries.AccountListEmail(ctx, db.AccountListEmailParams{
			After: afterText, Email: f.Email, Person: f.Person, Phone: f.Phone, FirstID: f.FirstID, LastID: f.LastID,
			MemberGroup: f.MemberGroup, Status: f.Status, SeenAfter: f.SeenAfter, SeenBefore: f.SeenBefore, Most: most,
		})

		return same(rows, func(row db.AccountListEmailRow) db.AccountRecordRow { return db.AccountRecordRow(row) }), err
	case s.Name != "":
		rows, err := queries.AccountListName(ctx, db.AccountListNameParams{
			After: afterText, AfterID: afterID, Email: f.Email, Person: f.Person, Phone: f.Phone, FirstID: f.FirstID, LastID: f.LastID,
			MemberGroup: f.MemberGroup, Status: f.Status, SeenAfter: f.SeenAfter, SeenBefore: f.SeenBefore, Most: most,
		})

		return same(rows, func(row db.AccountListNameRow) db.AccountRecordRow { return db.AccountRecordRow(row) }), err
	case s.Phone != "":
		rows, err := queries.AccountListPhone(ctx, db.AccountListPhoneParams{
			After: afterText, Email: f.Email, Person: f.Person, Phone: f.Phone, FirstID: f.FirstID, LastID: f.LastID,
			MemberGroup: f.MemberGroup, Status: f.Status, SeenAfter: f.SeenAfter, SeenBefore: f.SeenBefore, Most: most,
		})

		return same(rows, func(row db.AccountListPhoneRow) db.AccountRecordRow { return db.AccountRecordRow(row) }), err
	case s.Order == LeastSeen:
		rows, err := queries.AccountListSeen(ctx, db.AccountListSeenParams{
			AfterSeen: afterSeen, AfterID: afterID, Email: f.Email, Person: f.Person, Phone: f.Phone, FirstID: f.FirstID, LastID: f.LastID,
			MemberGroup: f.MemberGroup, Status: f.Status, SeenAfter: f.SeenAfter, SeenBefore: f.SeenBefore, Most: most,
		})

		return same(rows, func(row db.AccountListSeenRow) db.AccountRecordRow { return db.AccountRecordRow(row) }), err
	case s.Order == Oldest:
		rows, err := queries.AccountListOldest(ctx, db.AccountListOldestParams{
			AfterID: afterID, Email: f.Email, Person: f.Person, Phone: f.Phone, FirstID: f.FirstID, LastID: f.LastID,
			MemberGroup: f.MemberGroup, Status: f.Status, SeenAfter: f.SeenAfter, SeenBefore: f.SeenBefore, Most: most,
		})

		return same(rows, func(row db.AccountListOldestRow) db.AccountRecordRow { return db.AccountRecordRow(row) }), err
	default:
		rows, err := queries.AccountListNewest(ctx, db.AccountListNewestParams{
			AfterID: afterID, Email: f.Email, Person: f.Person, Phone: f.Phone, FirstID: f.FirstID, LastID: f.LastID,
			MemberGroup: f.MemberGroup, Status: f.Status, SeenAfter: f.SeenAfter, SeenBefore: f.SeenBefore, Most: most,
		})

		return same(rows, func(row db.AccountListNewestRow) db.AccountRecordRow { return db.AccountRecordRow(row) }), err
	}
}

func same[Row any](rows []Row, convert func(Row) db.AccountRecordRow) []db.AccountRecordRow {
	list := make([]db.AccountRecordRow, len(rows))
	for i, row := range rows {
		list[i] = convert(row)
	}

	return list
}

// beginning is the pattern of what starts with the text, nil for none.
func beginning(text string) *string {
	if text == "" {
		return nil
	}

	pattern := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"

	return &pattern
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}

	return &s
}
