package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

var (
	// ErrNotFound is returned for an id that no account has.
	ErrNotFound = problem.New(problem.NotFound, "ACCOUNT_NOT_FOUND")
	// ErrEmailTaken is returned for an address that has an account, if the caller may know.
	ErrEmailTaken = problem.New(problem.Conflict, "EMAIL_TAKEN")
)

// The errors of an operator's commands.
var (
	ErrUnknown      = errors.New("there is no account with this e-mail address")
	ErrTaken        = errors.New("there is an account with this e-mail address already")
	ErrUnknownGroup = errors.New("there is no such member group")
)

// Accounts finds and creates accounts for operators.
type Accounts struct {
	db  *postgres.DB
	now func() time.Time
}

// New returns Accounts.
func New(database *postgres.DB, now func() time.Time) *Accounts {
	return &Accounts{db: database, now: now}
}

// IDOf returns the id of the account with the address, in its normal form, or ErrUnknown.
func (a *Accounts) IDOf(ctx context.Context, email string) (id string, err error) {
	err = a.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		id, err = db.New(conn).AccountIDByEmail(ctx, email)

		return err
	})
	if postgres.IsNotFound(err) {
		return "", ErrUnknown
	} else if err != nil {
		return "", fmt.Errorf("look up account: %w", err)
	}

	return id, nil
}

// Creation is the content of a new account. Email and Name are in their normal forms.
type Creation struct {
	Email        string
	Name         string
	PasswordHash string // empty for none
	MemberGroup  string
}

// Create creates an account without a code: the operator vouches for the address.
func (a *Accounts) Create(ctx context.Context, c Creation) (Account, error) {
	var created Account

	id := NewID(a.now())

	done := func(ctx context.Context, tx postgres.Tx) (found bool, err error) {
		created, found, err = Earlier(ctx, tx, id)

		return found, err
	}

	err := a.db.Once(ctx, done, func(ctx context.Context, tx postgres.Tx) error {
		var err error
		if created, err = Insert(ctx, tx, a.now(), id, c); err != nil {
			return err
		}

		return audit.Record(ctx, tx, a.now(), audit.Event{Action: audit.AccountCreated, AccountID: id})
	})

	return created, err
}

// Insert adds the row of a new account, in the caller's transaction. It returns ErrTaken if the address has an account.
// In a repeated transaction it returns the account that the earlier run created.
func Insert(ctx context.Context, tx postgres.Tx, now time.Time, id string, c Creation) (Account, error) {
	var hash *string
	if c.PasswordHash != "" {
		hash = &c.PasswordHash
	}

	row, err := db.New(tx).AccountCreate(ctx, db.AccountCreateParams{
		ID: id, Email: c.Email, Name: c.Name, PasswordHash: hash, MemberGroup: c.MemberGroup,
		Now: now, FoldedName: Fold(c.Name), Search: SearchText(c.Email, c.Name, ""),
	})

	switch {
	case postgres.ViolatesConstraint(err, "account_member_group_fkey"):
		return Account{}, ErrUnknownGroup
	case postgres.IsNotFound(err):
		if earlier, found, err := Earlier(ctx, tx, id); found || err != nil {
			return earlier, err
		}

		return Account{}, ErrTaken
	case err != nil:
		return Account{}, fmt.Errorf("create account: %w", err)
	}

	return fromRow(db.AccountByIDRow(row)), EnsureUnreserved(ctx, tx, now, id, c.Email)
}

// ByID returns an account, or ErrNotFound.
func ByID(ctx context.Context, database *postgres.DB, id string) (Account, error) {
	row, err := postgres.Get(ctx, database, func(ctx context.Context, conn *pgxpool.Conn) (db.AccountByIDRow, error) {
		return db.New(conn).AccountByID(ctx, id)
	})
	if postgres.IsNotFound(err) {
		return Account{}, ErrNotFound
	} else if err != nil {
		return Account{}, fmt.Errorf("look up account: %w", err)
	}

	return fromRow(row), nil
}

// Earlier returns the account that an earlier run of a repeated transaction created under id.
func Earlier(ctx context.Context, tx postgres.Tx, id string) (created Account, found bool, err error) {
	if !tx.Repeated {
		return Account{}, false, nil
	}

	row, err := db.New(tx).AccountByID(ctx, id)
	if postgres.IsNotFound(err) {
		return Account{}, false, nil
	} else if err != nil {
		return Account{}, false, fmt.Errorf("look for the earlier run: %w", err)
	}

	return fromRow(row), true, nil
}
