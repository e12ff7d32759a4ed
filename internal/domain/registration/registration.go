// Package registration makes accounts for people who prove that an address is theirs. Nothing it
// answers tells whether an address has an account.
package registration

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// ErrEmailNotAllowed answers an address outside the domains that accounts may have here.
var ErrEmailNotAllowed = problem.New(problem.Invalid, "EMAIL_NOT_ALLOWED")

// Deps are what Registration is made of.
type Deps struct {
	DB         *postgres.DB
	Challenges *challenge.Challenges
	Hasher     *password.Hasher
	Policy     password.Policy
	Domains    []string // that may register; empty for all
	Now        func() time.Time
}

// Registration is the way from an address to an account.
type Registration struct {
	Deps
}

// New makes Registration.
func New(d Deps) *Registration {
	return &Registration{Deps: d}
}

// SendCode mails a code to the address. It does the same for a free and a taken one; the worker
// that sends writes to the owner of a taken one that there is an account already.
func (r *Registration) SendCode(ctx context.Context, email string) error {
	if !r.Allowed(email) {
		return ErrEmailNotAllowed
	}

	return r.Challenges.Send(ctx, challenge.Registration, "", email)
}

// Allowed says whether the address is of a domain that may register.
func (r *Registration) Allowed(email string) bool {
	_, domain, _ := strings.Cut(email, "@")

	return len(r.Domains) == 0 || slices.Contains(r.Domains, domain)
}

// Applicant is who registers. Name and Email are in their normal forms.
type Applicant struct {
	Name     string
	Email    string
	Password string
	Code     string
}

// Register redeems the code and makes the account, both or neither. A refused password is told
// before the code is looked at, and so costs no guess. An address that was taken meanwhile answers
// like a wrong code.
func (r *Registration) Register(ctx context.Context, a Applicant) (account.Account, error) {
	if err := r.Policy.Check(a.Password, a.Email, a.Name); err != nil {
		return account.Account{}, err
	}

	// Before the guess is counted: a server too busy to hash must not cost anybody a right code.
	turn, err := r.Hasher.Slot(ctx)
	if err != nil {
		return account.Account{}, err
	}
	defer turn.Release()

	proof, err := r.Challenges.Answer(ctx, challenge.Registration, "", a.Email, a.Code)
	if err != nil {
		return account.Account{}, err
	}

	created, err := r.create(ctx, a, turn, proof)
	if errors.Is(err, code.ErrInvalid) {
		return account.Account{}, r.Challenges.Refused(ctx, challenge.Registration, "", a.Email)
	} else if err != nil {
		return account.Account{}, err
	}

	proof.Done(ctx)

	return created, nil
}

func (r *Registration) create(
	ctx context.Context, a Applicant, turn password.Slot, proof challenge.Proof,
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

		// The address first: whoever wants one holds it before their code and their network. Who moves to the
		// same address in this moment does so too, or the two would wait for each other.
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
