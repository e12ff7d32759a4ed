// Package registration creates accounts for users who prove that an address is theirs. Its results never reveal whether
// an address has an account.
package registration

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// ErrEmailNotAllowed is returned for an address outside the allowed domains.
var ErrEmailNotAllowed = problem.New(problem.Invalid, "EMAIL_NOT_ALLOWED")

// Deps are the dependencies of Registration.
type Deps struct {
	DB         *postgres.DB
	Challenges *challenge.Challenges
	Hasher     *password.Hasher
	Policy     password.Policy
	Domains    []string // allowed to register; empty for all
	Now        func() time.Time
}

// Registration creates an account for a proven address.
type Registration struct {
	Deps
}

// New returns a Registration.
func New(d Deps) *Registration {
	return &Registration{Deps: d}
}

// SendCode sends a code to the address. It does the same work for a free and a taken address; the worker that sends
// notifies the owner of a taken one. actor is the administrator who asks for a user, or the zero value.
func (r *Registration) SendCode(ctx context.Context, actor authority.Actor, email string) error {
	if !r.Allowed(email) {
		return ErrEmailNotAllowed
	}

	return r.Challenges.Send(ctx, challenge.Request{Kind: challenge.Registration, To: email, Actor: actor})
}

// Allowed reports whether the address is in a domain that may register.
func (r *Registration) Allowed(email string) bool {
	_, domain, _ := strings.Cut(email, "@")

	return len(r.Domains) == 0 || slices.Contains(r.Domains, domain)
}

// Applicant is the user who registers. Name and Email are in their normal forms.
type Applicant struct {
	Name     string
	Email    string
	Password string
	Code     string
}

// Register redeems the code and creates the account, both or neither. A refused password is reported before the code is
// checked, so it costs no guess. If the address was taken meanwhile, the error is that of a wrong code.
func (r *Registration) Register(ctx context.Context, a Applicant) (account.Account, error) {
	if err := r.Policy.Check(a.Password, a.Email, a.Name); err != nil {
		return account.Account{}, err
	}

	// Before the guess is counted: a server too busy to hash must not use up a right code.
	turn, err := r.Hasher.Slot(ctx)
	if err != nil {
		return account.Account{}, err
	}
	defer turn.Release()

	answer := challenge.Answer{Kind: challenge.Registration, To: a.Email, Text: a.Code}

	proof, err := r.Challenges.Answer(ctx, answer)
	if err != nil {
		return account.Account{}, err
	}

	created, err := r.create(ctx, a, turn, proof)
	if errors.Is(err, code.ErrInvalid) {
		return account.Account{}, r.Challenges.Refused(ctx, answer)
	} else if err != nil {
		return account.Account{}, err
	}

	proof.Done(ctx)

	return created, nil
}

func (r *Registration) create(
	ctx context.Context, a Applicant, turn *password.Slot, proof challenge.Proof,
) (account.Account, error) {
	hash, err := turn.Hash(a.Password)
	if err != nil {
		return account.Account{}, err
	}

	var created account.Account

	id := account.NewID(r.Now())

	err = r.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		earlier, done, err := account.Earlier(ctx, tx, id)
		if done || err != nil {
			created = earlier

			return err
		}

		// The address first: every change that wants an address locks it before code and network. A change of e-mail to
		// the same address does so too; otherwise the two would wait for each other.
		created, err = account.Insert(ctx, tx, r.Now(), id, account.Creation{
			Email: a.Email, Name: a.Name, PasswordHash: hash, MemberGroup: account.GroupNone,
		})
		if errors.Is(err, account.ErrTaken) {
			return code.ErrInvalid
		} else if err != nil {
			return err
		}

		err = audit.Record(ctx, tx, r.Now(), audit.Event{Action: audit.AccountRegistered, AccountID: id})
		if err != nil {
			return err
		}

		return proof.Use(ctx, tx)
	})

	return created, err
}
