package administration

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/platform/page"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Order is that of a search which has no order of its own.
type Order string

// The orders.
const (
	Newest    Order = "newest"
	Oldest    Order = "oldest"
	LeastSeen Order = "seen" // those first who were not there for the longest time
)

// Search says which accounts. What is empty is not asked for. Text is parts of a name, an address or a number, or the beginning
// of an id, in any order. Email, Name, Phone and ID are beginnings; where one of the first three is there, accounts come in
// the order of it.
type Search struct {
	Text                   string
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
	ID   string
	Text string // its address, name or number
	Seen time.Time
}

// Page is a part of what was found.
type Page struct {
	page.Page[Details, Position]

	Total *int64 // only if it was asked for
}

// Find returns a page of accounts.
func (a *Administration) Find(ctx context.Context, search Search) (Page, error) {
	return postgres.Get(ctx, a.db, func(ctx context.Context, conn *pgxpool.Conn) (Page, error) {
		if search.Text+search.Name != "" {
			fillSome(ctx, conn, a.now())
		}

		planned := postgres.Planned(conn)
		conditions, args := search.conditions()
		order := search.order()

		listed, _ := planned.Query(ctx, search.list(conditions, order, args), args) // CollectRows returns its error

		rows, err := pgx.CollectRows(listed, pgx.RowToStructByPos[db.AccountRecordRow])
		if err != nil {
			return Page{}, fmt.Errorf("search accounts: %w", err)
		}

		found, err := page.Cut(rows, search.Limit, search.position, func(row db.AccountRecordRow) (Details, error) { return detailsOf(row), nil })
		if err != nil {
			return Page{}, err
		}

		if search.Count {
			var total int64
			if err := planned.QueryRow(ctx, "-- name: AccountCount :one\nSELECT count(*) FROM account a WHERE "+conditions, args).Scan(&total); err != nil {
				return Page{}, fmt.Errorf("count accounts: %w", err)
			}

			return Page{Page: found, Total: &total}, nil
		}

		return Page{Page: found}, nil
	})
}

// position returns the place of the last account of a page in the order of the search.
func (s Search) position(last db.AccountRecordRow) Position {
	position := Position{ID: last.ID}

	switch {
	case s.Email != "":
		position.Text = last.Email
	case s.Name != "":
		position.Text = account.Fold(last.Name)
	case s.Phone != "" && last.Phone != nil:
		position.Text = *last.Phone
	case s.Order == LeastSeen:
		position.Seen = time.Unix(0, 0)
		if last.SeenAt != nil {
			position.Seen = *last.SeenAt
		}
	}

	return position
}

// conditions returns what the search asks for as SQL, and its arguments. It is built of constants alone.
func (s Search) conditions() (string, pgx.NamedArgs) {
	list, args := []string{"true"}, pgx.NamedArgs{}

	add := func(asked bool, condition, name string, value any) {
		if asked {
			list = append(list, condition)
			args[name] = value
		}
	}

	add(s.Email != "", `a.email COLLATE "C" LIKE @email`, "email", beginning(account.EmailBeginning(s.Email)))
	add(s.Name != "", `a.folded_name COLLATE "C" LIKE @name`, "name", beginning(account.Fold(s.Name)))
	add(s.Phone != "", `a.phone COLLATE "C" LIKE @phone`, "phone", beginning(s.Phone))
	add(s.ID != "", "a.id >= @firstId", "firstId", s.ID+strings.Repeat("0", 24-len(s.ID)))
	add(s.ID != "", "a.id <= @lastId", "lastId", s.ID+strings.Repeat("f", 24-len(s.ID)))
	add(s.Group != "", "a.member_group = @memberGroup", "memberGroup", s.Group)
	add(s.Status != "", "a.status = @status", "status", string(s.Status))
	add(s.SeenAfter != nil, "COALESCE(a.seen_at, 'epoch') >= @seenAfter", "seenAfter", s.SeenAfter)
	add(s.SeenBefore != nil, "COALESCE(a.seen_at, 'epoch') < @seenBefore", "seenBefore", s.SeenBefore)

	for i, term := range termsOf(s.Text) {
		condition, values := term.condition(fmt.Sprintf("term%d", i))
		list = append(list, condition)
		maps.Copy(args, values)
	}

	return strings.Join(list, " AND "), args
}

// order is what accounts are sorted by, and the condition on those behind a Position. Each has an index.
type order struct{ by, after string }

func (s Search) order() order {
	switch {
	case s.Email != "":
		return order{`a.email COLLATE "C"`, `a.email COLLATE "C" > @afterText`}
	case s.Name != "":
		return order{`a.folded_name COLLATE "C", a.id`, `(a.folded_name COLLATE "C", a.id) > (@afterText, @afterId)`}
	case s.Phone != "":
		return order{`a.phone COLLATE "C"`, `a.phone COLLATE "C" > @afterText`}
	case s.Order == LeastSeen:
		return order{"COALESCE(a.seen_at, 'epoch'), a.id", "(COALESCE(a.seen_at, 'epoch'), a.id) > (@afterSeen::timestamptz, @afterId)"}
	case s.Order == Oldest:
		return order{"a.id", "a.id > @afterId"}
	}

	return order{"a.id DESC", "a.id < @afterId"}
}

// list returns the statement of a page, whose columns are those of AccountRecord, and adds its arguments. One row more
// than the page holds shows that there is a next one.
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

// beginning returns the pattern of what starts with the text.
func beginning(text string) string { return literal.Replace(text) + "%" }

// literal escapes what has a meaning in a pattern.
var literal = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
