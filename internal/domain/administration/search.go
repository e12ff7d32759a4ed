package administration

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Order is the order of accounts in a search without a name, address or phone.
type Order string

// The orders.
const (
	Newest    Order = "newest"
	Oldest    Order = "oldest"
	LeastSeen Order = "seen" // the longest absent first
)

// Search selects accounts; an empty field selects all. Email, Name, Phone and ID are prefixes. With one of the first
// three, accounts are sorted by it.
type Search struct {
	Email, Name, Phone, ID string

	Group      string
	Status     account.Status
	SeenAfter  *time.Time
	SeenBefore *time.Time
	Order      Order

	After *Position // where the previous page ended; nil for the first
	Limit int32
	Count bool // count all matches, which takes longer the more there are
}

// Position is an account's place in the order of a search.
type Position struct {
	ID   string    `json:"i"`
	Text string    `json:"t,omitempty"` // its address, name or phone
	Seen time.Time `json:"s,omitzero"`
}

// Page is one page of the accounts found.
type Page struct {
	Records []Details
	Next    *Position // nil if this is the last
	Total   *int64    // only if Count was set
}

// Find returns a page of accounts.
func (a *Administration) Find(ctx context.Context, search Search) (Page, error) {
	return postgres.Get(ctx, a.db, func(ctx context.Context, conn *pgxpool.Conn) (Page, error) {
		planned := postgres.Planned(conn)
		conditions, args := search.conditions()
		order := search.order()

		listed, _ := planned.Query(ctx, search.list(conditions, order, args), args) // CollectRows returns its error

		rows, err := pgx.CollectRows(listed, pgx.RowToStructByPos[db.AccountRecordRow])
		if err != nil {
			return Page{}, fmt.Errorf("search accounts: %w", err)
		}

		page := search.page(rows)

		if search.Count {
			var total int64
			if err := planned.QueryRow(ctx, "-- name: AccountCount :one\nSELECT count(*) FROM account a WHERE "+conditions, args).Scan(&total); err != nil {
				return Page{}, fmt.Errorf("count accounts: %w", err)
			}

			page.Total = &total
		}

		return page, nil
	})
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

// conditions returns the search as SQL conditions, and their arguments. The SQL consists of constants only.
func (s Search) conditions() (string, pgx.NamedArgs) {
	list, args := []string{"true"}, pgx.NamedArgs{}

	add := func(asked bool, condition, name string, value any) {
		if asked {
			list = append(list, condition)
			args[name] = value
		}
	}

	add(s.Email != "", `a.email COLLATE "C" LIKE @email`, "email", beginning(strings.ToLower(s.Email)))
	add(s.Name != "", `lower(a.name) COLLATE "C" LIKE lower(@name)`, "name", beginning(s.Name))
	add(s.Phone != "", `a.phone COLLATE "C" LIKE @phone`, "phone", beginning(s.Phone))
	add(s.ID != "", "a.id >= @firstId", "firstId", s.ID+strings.Repeat("0", 24-len(s.ID)))
	add(s.ID != "", "a.id <= @lastId", "lastId", s.ID+strings.Repeat("f", 24-len(s.ID)))
	add(s.Group != "", "a.member_group = @memberGroup", "memberGroup", s.Group)
	add(s.Status != "", "a.status = @status", "status", string(s.Status))
	add(s.SeenAfter != nil, "COALESCE(a.seen_at, 'epoch') >= @seenAfter", "seenAfter", s.SeenAfter)
	add(s.SeenBefore != nil, "COALESCE(a.seen_at, 'epoch') < @seenBefore", "seenBefore", s.SeenBefore)

	return strings.Join(list, " AND "), args
}

// order returns what accounts are sorted by, and the condition for those after a Position. Each order has an index.
type order struct{ by, after string }

func (s Search) order() order {
	switch {
	case s.Email != "":
		return order{`a.email COLLATE "C"`, `a.email COLLATE "C" > @afterText`}
	case s.Name != "":
		return order{`lower(a.name) COLLATE "C", a.id`, `(lower(a.name) COLLATE "C", a.id) > (lower(@afterText), @afterId)`}
	case s.Phone != "":
		return order{`a.phone COLLATE "C"`, `a.phone COLLATE "C" > @afterText`}
	case s.Order == LeastSeen:
		return order{"COALESCE(a.seen_at, 'epoch'), a.id", "(COALESCE(a.seen_at, 'epoch'), a.id) > (@afterSeen::timestamptz, @afterId)"}
	case s.Order == Oldest:
		return order{"a.id", "a.id > @afterId"}
	}

	return order{"a.id DESC", "a.id < @afterId"}
}

// list returns the statement for a page, whose columns are those of AccountRecord, and adds its arguments. It asks for
// one row more than the page holds: that row shows that there is a next page.
func (s Search) list(conditions string, order order, args pgx.NamedArgs) string {
	args["limit"] = s.Limit + 1

	if s.After != nil {
		conditions += " AND " + order.after
		args["afterId"], args["afterText"], args["afterSeen"] = s.After.ID, s.After.Text, s.After.Seen
	}

	return `-- name: AccountSearch :many
SELECT a.id, a.email, a.name, a.member_group, a.status, a.phone, a.avatar, a.picture, a.version, a.sign_in_count, a.created_at,
    a.updated_at, a.last_sign_in_at, a.seen_at, a.deleted_at
FROM account a
WHERE ` + conditions + `
ORDER BY ` + order.by + `
LIMIT @limit`
}

// beginning returns the pattern for texts that begin with the prefix.
func beginning(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}
