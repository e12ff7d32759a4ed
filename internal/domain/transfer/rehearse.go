package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// errRehearsed ends the transaction of a dry run, which leaves no trace.
var errRehearsed = errors.New("transfer: a dry run")

// rehearse does everything except write. The rows go to a table that only this transaction sees, so that no
// registration waits for them, as it would for rows of the account table.
func (r *run) rehearse(ctx context.Context, from *lineReader) error {
	err := pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		for _, statement := range []string{
			"SET LOCAL statement_timeout = 0", "SET LOCAL idle_in_transaction_session_timeout = 0",
			"CREATE TEMPORARY TABLE rehearsal (id text UNIQUE, email text UNIQUE, phone text UNIQUE, lark text UNIQUE) ON COMMIT DROP",
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("prepare the dry run: %w", err)
			}
		}

		err := r.each(ctx, from, func(ctx context.Context, b *batch) error { return r.rehearseBatch(ctx, tx, b) })
		if err != nil {
			return err
		}

		return errRehearsed
	})
	if errors.Is(err, errRehearsed) {
		return nil
	}

	return err
}

func (r *run) rehearseBatch(ctx context.Context, tx pgx.Tx, b *batch) error {
	v, err := r.judge(ctx, tx, b)
	if err != nil {
		return err
	}

	err = copyRows(ctx, tx, "rehearsal", []string{"id", "email", "phone", "lark"}, v.accepted, func(e entry) ([]any, error) {
		return []any{e.ID, e.Email, orNull(e.Phone), orNull(e.openID())}, nil
	})
	if err != nil {
		return err
	}

	remarks := v.listed()
	if err := r.report.write(remarks); err != nil {
		return err
	}

	r.Progress = r.after(b, v)
	r.reportRemarks(remarks)

	return nil
}

// rehearsed adds the accounts that the earlier lines would have written.
func rehearsed(ctx context.Context, tx pgx.Tx, h *holders, ids, emails, phones, larks []string) error {
	rows, err := tx.Query(ctx, `
		SELECT r.* FROM unnest($1::text[]) AS wanted (id) CROSS JOIN LATERAL (SELECT * FROM rehearsal WHERE rehearsal.id = wanted.id LIMIT 1) AS r
		UNION ALL
		SELECT r.* FROM unnest($2::text[]) AS wanted (email) CROSS JOIN LATERAL (SELECT * FROM rehearsal WHERE rehearsal.email = wanted.email LIMIT 1) AS r
		UNION ALL
		SELECT r.* FROM unnest($3::text[]) AS wanted (phone) CROSS JOIN LATERAL (SELECT * FROM rehearsal WHERE rehearsal.phone = wanted.phone LIMIT 1) AS r
		UNION ALL
		SELECT r.* FROM unnest($4::text[]) AS wanted (lark) CROSS JOIN LATERAL (SELECT * FROM rehearsal WHERE rehearsal.lark = wanted.lark LIMIT 1) AS r`,
		pgx.QueryExecModeCacheDescribe, ids, emails, phones, larks)
	if err != nil {
		return fmt.Errorf("look into the dry run: %w", err)
	}

	var (
		id, email   string
		phone, lark *string
	)

	_, err = pgx.ForEachRow(rows, []any{&id, &email, &phone, &lark}, func() error {
		h.emails[id], h.ids[email] = email, id

		if phone != nil {
			h.phones[*phone] = id
		}

		if lark != nil {
			h.larks[*lark] = id
		}

		return nil
	})

	return wrap(err, "look into the dry run")
}
