// Package bootstrap creates the first administrator of a gateway that has none, for the holder of the link that the
// operator was shown. It creates no account if there is an administrator; package account creates all others.
package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/registration"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// subject is what the link's code is bound to. There is one link at a time.
const subject = "administrator"

// Deps are the dependencies of Bootstrap.
type Deps struct {
	DB           *postgres.DB
	Codes        *code.Codes
	Hasher       *password.Hasher
	Policy       password.Policy
	EmailAllowed func(email string) bool
	Now          func() time.Time
}

// Bootstrap creates the first administrator from a link.
type Bootstrap struct {
	Deps
}

// New returns a Bootstrap.
func New(d Deps) *Bootstrap {
	return &Bootstrap{Deps: d}
}

// IssueLink makes a link's token and voids the previous one; the token is empty if there is an administrator.
func (f *Bootstrap) IssueLink(ctx context.Context) (token string, err error) {
	return postgres.TxGet(ctx, f.DB, func(ctx context.Context, tx postgres.Tx) (string, error) {
		administered, err := group.HasAdministrator(ctx, tx)
		if err != nil || administered {
			return "", err
		}

		return f.Codes.IssueLink(ctx, tx, code.FirstRun, subject)
	})
}

// Check returns code.ErrInvalid if the token is not of a currently valid link.
func (f *Bootstrap) Check(ctx context.Context, token string) error {
	return f.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		good, err := f.Codes.HoldsSecret(ctx, conn, code.FirstRun, subject, token)
		if err == nil && !good {
			return code.ErrInvalid
		} else if err != nil {
			return err
		}

		return requireNoAdministrator(ctx, conn)
	})
}

// requireNoAdministrator returns code.ErrInvalid if there is an administrator.
func requireNoAdministrator(ctx context.Context, tx db.DBTX) error {
	administered, err := group.HasAdministrator(ctx, tx)
	if err == nil && administered {
		return code.ErrInvalid
	}

	return err
}

// Administrator is the account to create. Email and Name are in their normal forms.
type Administrator struct {
	Email    string
	Name     string
	Password string
}

// Create uses the link up and creates the administrator, both or neither. Only a caller with a valid link learns what
// is wrong with the input, and only then is a password hashed.
func (f *Bootstrap) Create(ctx context.Context, token string, who Administrator) error {
	if err := f.Check(ctx, token); err != nil {
		return err
	}

	if !f.EmailAllowed(who.Email) {
		return registration.ErrEmailNotAllowed
	}

	if err := f.Policy.Check(who.Password, who.Email, who.Name); err != nil {
		return err
	}

	hash, err := f.Hasher.Hash(ctx, who.Password)
	if err != nil {
		return err
	}

	id := account.NewID(f.Now())

	return f.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		if _, done, err := account.Earlier(ctx, tx, id); done || err != nil {
			return err
		}

		return f.create(ctx, tx, token, id, account.Creation{
			Email: who.Email, Name: who.Name, PasswordHash: hash, MemberGroup: group.Admin,
		})
	})
}

func (f *Bootstrap) create(ctx context.Context, tx postgres.Tx, token, id string, c account.Creation) error {
	// Of two concurrent calls, even with two links, one waits here and then finds the other's administrator.
	if err := authority.Lock(ctx, tx); err != nil {
		return err
	}

	if err := requireNoAdministrator(ctx, tx); err != nil {
		return err
	}

	if err := f.Codes.RedeemSecret(ctx, tx, code.FirstRun, subject, token); err != nil {
		return err
	}

	_, err := account.Insert(ctx, tx, f.Now(), id, c)
	if errors.Is(err, account.ErrTaken) {
		return account.ErrEmailTaken
	} else if err != nil {
		return err
	}

	// The group may have lost the right since.
	administered, err := group.HasAdministrator(ctx, tx)
	if err != nil {
		return err
	} else if !administered {
		return fmt.Errorf("the member group %s does not have the right %s", c.MemberGroup, authority.Administer)
	}

	return audit.Record(ctx, tx, f.Now(), audit.Event{
		Action: audit.AccountCreated, AccountID: id, Subject: c.Email, Detail: map[string]string{"group": c.MemberGroup},
	})
}
