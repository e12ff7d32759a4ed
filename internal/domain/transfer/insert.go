package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// insert inserts records with COPY, and returns those that the database refuses: a user may just have registered with
// the same address. If a record is refused, each half of the batch is tried separately, recursively.
func (r *run) insert(ctx context.Context, tx pgx.Tx, entries []entry) ([]about, error) {
	if len(entries) == 0 {
		return nil, nil
	}

	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { return r.copy(ctx, tx, entries) }) // a savepoint
	wrong, refused := refusal(err)

	switch {
	case err == nil:
		return nil, nil
	case !refused:
		return nil, err
	case len(entries) == 1:
		return []about{r.about(entries[0].line, entries[0].Email, flawOf(wrong, r.form.names))}, nil
	}

	half := len(entries) / 2

	first, err := r.insert(ctx, tx, entries[:half])
	if err != nil {
		return nil, err
	}

	second, err := r.insert(ctx, tx, entries[half:])

	return append(first, second...), err
}

// refusal returns which value the database refused.
func refusal(err error) (flaw, bool) {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !strings.HasPrefix(pgErr.Code, "22") && !strings.HasPrefix(pgErr.Code, "23") {
		return flaw{}, false
	}

	switch pgErr.ConstraintName {
	case "account_pkey":
		return flaw{"id", "another account has just taken it"}, true
	case "account_email_key":
		return flaw{"email", "another account has just taken it"}, true
	case "account_phone_key":
		return flaw{"phone", "another account has just taken it"}, true
	case "identity_pkey":
		return flaw{"lark", "another account has just taken it"}, true
	case "account_member_group_fkey":
		return flaw{"memberGroup", "it was deleted in this moment"}, true
	}

	return flaw{reason: strings.TrimSpace(fmt.Sprintf("the database refuses it: %s %s", pgErr.Code, pgErr.ConstraintName))}, true
}

// copy writes the rows of all three tables.
func (r *run) copy(ctx context.Context, tx pgx.Tx, entries []entry) error {
	var locked, known []entry // with an authenticator, and with an identity at Lark

	for _, one := range entries {
		if one.secret != nil {
			locked = append(locked, one)
		}

		if one.Lark != nil {
			known = append(known, one)
		}
	}

	err := copyRows(ctx, tx, "account", []string{
		"id", "email", "name", "password_hash", "member_group", "avatar", "picture", "phone", "status", "sign_in_count",
		"last_sign_in_at", "created_at", "updated_at", "deleted_at", "version", "seen_at", "phone_bound_at",
		"phone_suspended_at", "second_factor_since", "folded_name", "search",
	}, entries, func(e entry) ([]any, error) {
		return []any{
			e.ID, e.Email, e.Name, orNull(e.PasswordHash), e.MemberGroup, e.Avatar, e.Picture, orNull(e.Phone), e.Status, e.SignIns,
			e.LastSignInAt.orNull(), e.CreatedAt.Time, e.UpdatedAt.Time, e.DeletedAt.orNull(), e.Version, e.LastSeenAt.orNull(), e.phoneBoundAt(),
			e.PhoneSuspendedAt.orNull(), e.SecondFactorSince.orNull(), account.Fold(e.Name), account.SearchText(e.Email, e.Name, e.Phone),
		}, nil
	})
	if err != nil {
		return err
	}

	// It is unknown when they were bound: they count as bound with the account, so that a password reset does not suspend
	// them. None of their time steps was used here.
	totp := []string{"account_id", "id", "secret", "last_step", "bound_at", "suspended_at"}

	err = copyRows(ctx, tx, "totp", totp, locked, func(e entry) ([]any, error) {
		id := randomid.New()

		return []any{e.ID, id, e.secret.Seal(r.keys, e.ID, id), int64(0), e.CreatedAt.Time, e.TOTPSuspendedAt.orNull()}, nil
	})
	if err != nil {
		return err
	}

	identity := []string{"provider", "subject", "account_id", "profile", "bound_at", "suspended_at"}

	return copyRows(ctx, tx, "identity", identity, known, func(e entry) ([]any, error) {
		profile, err := json.Marshal(e.Lark)

		return []any{lark.Provider, e.Lark.OpenID, e.ID, profile, e.CreatedAt.Time, e.LarkSuspendedAt.orNull()}, err
	})
}

func copyRows(ctx context.Context, tx pgx.Tx, table string, columns []string, entries []entry, row func(entry) ([]any, error)) error {
	if len(entries) == 0 {
		return nil
	}

	source := pgx.CopyFromSlice(len(entries), func(i int) ([]any, error) { return row(entries[i]) })
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{table}, columns, source); err != nil {
		return fmt.Errorf("copy into %s: %w", table, err)
	}

	return nil
}

// phoneBoundAt returns null without a phone.
func (e entry) phoneBoundAt() any {
	if e.Phone == "" {
		return nil
	}

	return e.CreatedAt.Time
}

func orNull(s string) any {
	if s == "" {
		return nil
	}

	return s
}

func (i instant) orNull() any {
	if i.IsZero() {
		return nil
	}

	return i.Time
}
