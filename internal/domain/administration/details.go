package administration

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Details is an account as administrators see it.
type Details struct {
	account.Account

	Phone        string // E.164, or empty
	Picture      string
	SignIns      int64
	LastSignInAt *time.Time
	SeenAt       *time.Time // the day only
	DeletedAt    *time.Time // nil unless the account is deleted
	Factors      *Factors   // nil in lists
}

// Factors are the ways in which an account can sign in, without any secret.
type Factors struct {
	Password      string // how it is stored, see password.Scheme; empty for none
	Phone         bool
	TOTP          bool
	RecoveryCodes int32
	Lark          string // the name at Lark; empty for none
}

// Get returns one account with its factors.
func (a *Administration) Get(ctx context.Context, id string) (found Details, err error) {
	err = a.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		found, err = details(ctx, conn, id)

		return err
	})

	return found, err
}

func details(ctx context.Context, tx db.DBTX, id string) (Details, error) {
	queries := db.New(tx)

	row, err := queries.AccountRecord(ctx, id)
	if postgres.IsNotFound(err) {
		return Details{}, account.ErrNotFound
	} else if err != nil {
		return Details{}, fmt.Errorf("look up account: %w", err)
	}

	factors, err := queries.AccountFactors(ctx, id)
	if postgres.IsNotFound(err) {
		return Details{}, account.ErrNotFound
	} else if err != nil {
		return Details{}, fmt.Errorf("look up factors: %w", err)
	}

	found := detailsOf(row)
	found.Factors = &Factors{
		Password: password.Scheme(factors.PasswordHash), Phone: factors.Phone, TOTP: factors.TOTP, RecoveryCodes: factors.RecoveryCodes,
	}

	if factors.Lark != nil {
		var person struct {
			Name string `json:"name"`
		}

		if err := json.Unmarshal(factors.Lark, &person); err != nil {
			return Details{}, fmt.Errorf("read identity: %w", err)
		}

		found.Factors.Lark = person.Name
	}

	return found, nil
}

// detailsOf converts a row to Details. Every query that returns details lists the same columns.
func detailsOf(row db.AccountRecordRow) Details {
	found := Details{
		Account: account.Account{
			ID: row.ID, Email: row.Email, Name: row.Name, MemberGroup: row.MemberGroup, Avatar: row.Avatar, Status: account.Status(row.Status),
			CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Version: row.Version,
		},
		Picture: row.Picture, SignIns: row.SignInCount, LastSignInAt: row.LastSignInAt, SeenAt: row.SeenAt, DeletedAt: row.DeletedAt,
	}

	if row.Phone != nil {
		found.Phone = *row.Phone
	}

	// From before it was recorded.
	if found.SeenAt == nil {
		found.SeenAt = found.LastSignInAt
	}

	return found
}
