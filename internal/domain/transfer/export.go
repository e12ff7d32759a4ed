package transfer

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	// exportPage is how many accounts are in memory at a time.
	exportPage = 1_000
	// pageRetryBudget is how long each page waits for the database.
	pageRetryBudget = 30 * time.Second
)

// Extract selects the content of an export.
type Extract struct {
	Format      Format // JSON or CSV
	TOTPSecrets bool   // include the secrets of authenticator apps

	Progress func(exported int64) // called from time to time; may be nil
}

// Export writes every account, ordered by id, and returns how many. It is not a snapshot: an account that changes
// meanwhile is exported as it is when its page is read. The export is recorded before the first account is written.
func (t *Transfer) Export(ctx context.Context, to io.Writer, x Extract) (count int64, err error) {
	event := audit.Event{Action: audit.AccountsExported, Detail: map[string]string{
		"format": string(x.Format), "totpSecrets": fmt.Sprint(x.TOTPSecrets),
	}}
	if err := audit.RecordAlone(ctx, t.db, t.now(), event); err != nil {
		return 0, err
	}

	out := bufio.NewWriterSize(to, 1<<16)

	write, err := writerOf(out, x.Format)
	if err != nil {
		return 0, err
	}

	for after := ""; ; {
		page, err := t.page(ctx, after)
		if err != nil {
			return count, err
		}

		for _, row := range page {
			record, err := t.recordOf(row, x.TOTPSecrets)
			if err != nil {
				return count, err
			}

			if err := write(&record); err != nil {
				return count, fmt.Errorf("write the account %s: %w", record.ID, err)
			}

			after = record.ID
			count++
		}

		if x.Progress != nil {
			x.Progress(count)
		}

		if len(page) < exportPage {
			return count, wrap(out.Flush(), "write")
		}
	}
}

func (t *Transfer) page(ctx context.Context, after string) (rows []db.AccountExportRow, err error) {
	err = t.db.Do(postgres.WithRetryBudget(ctx, pageRetryBudget), func(ctx context.Context, conn *pgxpool.Conn) error {
		rows, err = db.New(conn).AccountExport(ctx, db.AccountExportParams{After: after, Most: exportPage})

		return err
	})

	return rows, wrap(err, "read accounts")
}

func writerOf(out io.Writer, format Format) (func(*Record) error, error) {
	if format == CSV {
		// Without it a spreadsheet takes the bytes for those of the system's own encoding, and garbles Chinese names.
		if _, err := io.WriteString(out, byteOrderMark); err != nil {
			return nil, fmt.Errorf("write: %w", err)
		}

		table := csv.NewWriter(out)

		names := make([]string, len(columns))
		for i, one := range columns {
			names[i] = one.name
		}

		write := func(values []string) error {
			if err := table.Write(values); err != nil {
				return err
			}

			table.Flush()

			return table.Error()
		}

		return func(r *Record) error { return write(r.csv()) }, write(names)
	}

	return func(r *Record) error {
		if err := json.MarshalWrite(out, r); err != nil {
			return err
		}

		_, err := io.WriteString(out, "\n")

		return err
	}, nil
}

// recordOf converts a row to a Record.
func (t *Transfer) recordOf(row db.AccountExportRow, secrets bool) (Record, error) {
	r := Record{
		ID: row.ID, Email: row.Email, Name: row.Name, MemberGroup: row.MemberGroup, Status: row.Status, Avatar: row.Avatar, Picture: row.Picture,
		CreatedAt: instant{row.CreatedAt}, UpdatedAt: instant{row.UpdatedAt}, Version: row.Version, SignIns: row.SignInCount,
	}

	if row.PasswordHash != nil {
		r.PasswordHash = *row.PasswordHash
	}

	if row.Phone != nil {
		r.Phone = *row.Phone
	}

	r.DeletedAt = instantOf(row.DeletedAt)
	r.LastSignInAt = instantOf(row.LastSignInAt)
	r.LastSeenAt = instantOf(row.SeenAt)
	r.PhoneSuspendedAt = instantOf(row.PhoneSuspendedAt)
	r.LarkSuspendedAt = instantOf(row.LarkSuspendedAt)

	if row.Lark != nil {
		r.Lark = new(lark.Person)
		if err := json.Unmarshal(row.Lark, r.Lark); err != nil {
			return r, fmt.Errorf("identity of %s: %w", r.ID, err)
		}
	}

	if secrets && row.TOTPSecret != nil {
		secret, err := factor.OpenSecret(t.keys, row.TOTPSecret, row.ID, row.TOTPID)
		if err != nil {
			return r, err
		}

		r.TOTPSecret = secret.Text()
		r.TOTPSuspendedAt = instantOf(row.TOTPSuspendedAt)
	}

	// Without its only factor, which may be left out, a user who is asked for two could not sign in.
	if r.hasFactor() {
		r.SecondFactorSince = instantOf(row.SecondFactorSince)
	}

	return r, nil
}

func instantOf(t *time.Time) instant {
	if t == nil {
		return instant{}
	}

	return instant{*t}
}
