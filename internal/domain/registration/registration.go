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
	Page       string   // the address of the page behind the link
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

// SendCode sends a code and a link to the address. It does the same work for a free and a taken address; the worker that sends
// notifies the owner of a taken one. actor is the administrator who asks for a user, or the zero value.
func (r *Registration) SendCode(ctx context.Context, actor authority.Actor, email string) error {
	if !r.Allowed(email) {
		return ErrEmailNotAllowed
	}

	return r.Challenges.Send(ctx, challenge.Request{
		Kind: challenge.Registration, To: email, Actor: actor, Link: r.Challenges.LinkTo(r.Page, challenge.Registration, email),
	})
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
	Code     string // not used by RegisterWithLink
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

	return r.finish(ctx, a, turn, answer, proof)
}

// LinkedEmail returns the address that the link's token proves, or code.ErrInvalid if the link is not valid at this
// moment. It uses nothing up.
func (r *Registration) LinkedEmail(ctx context.Context, token string) (string, error) {
	link := r.Challenges.OpenLink(challenge.Registration, token)

	return link.Address(), r.Challenges.CheckLink(ctx, link)
}

// RegisterWithLink is Register with the token of a link in place of address and code. Only a caller with a valid link
// learns why a password is refused, which costs nothing, and only then is a password hashed.
func (r *Registration) RegisterWithLink(ctx context.Context, token, name, plain string) (account.Account, error) {
	link := r.Challenges.OpenLink(challenge.Registration, token)
	a := Applicant{Name: name, Email: link.Address(), Password: plain}
	answer := challenge.Answer{Kind: challenge.Registration, To: a.Email}

	proof, err := r.Challenges.AnswerLink(ctx, answer, link)
	if err != nil {
		return account.Account{}, err
	}

	if err := r.Policy.Check(a.Password, a.Email, a.Name); err != nil {
		r.Challenges.Unused(ctx, proof)

		return account.Account{}, err
	}

	turn, err := r.Hasher.Slot(ctx)
	if err != nil {
		r.Challenges.Unused(ctx, proof)

		return account.Account{}, err
	}
	defer turn.Release()

	return r.finish(ctx, a, turn, answer, proof)
}

// finish creates the account for a right answer.
func (r *Registration) finish(
	ctx context.Context, a Applicant, turn *password.Slot, answer challenge.Answer, proof challenge.Proof,
) (account.Account, error) {
	created, err := r.create(ctx, a, turn, proof)
	r.Challenges.Finish(ctx, proof, err)

	if errors.Is(err, code.ErrInvalid) {
		return account.Account{}, r.Challenges.Refused(ctx, answer)
	} else if err != nil {
		return account.Account{}, err
	}

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
