// Package registration makes accounts for people who prove that an address is theirs. Nothing it
// answers tells whether an address has an account.
package registration

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/account"
	"github.com/konec/toolkit-gateway/internal/audit"
	"github.com/konec/toolkit-gateway/internal/caller"
	"github.com/konec/toolkit-gateway/internal/code"
	"github.com/konec/toolkit-gateway/internal/delivery"
	"github.com/konec/toolkit-gateway/internal/password"
	"github.com/konec/toolkit-gateway/internal/postgres"
	"github.com/konec/toolkit-gateway/internal/problem"
	"github.com/konec/toolkit-gateway/internal/throttle"
)

// ErrEmailNotAllowed answers an address outside the domains that may register here.
var ErrEmailNotAllowed = problem.New(problem.Invalid, "EMAIL_NOT_ALLOWED")

// The limits of sending: each destination is spared, and nobody makes us send without end.
var (
	perAddress = []throttle.Limit{
		{Name: "send registration/minute", Most: 1, Window: time.Minute},
		{Name: "send registration/hour", Most: 5, Window: time.Hour},
		{Name: "send registration/day", Most: 20, Window: 24 * time.Hour},
	}
	perNetwork = throttle.Limit{Name: "send network/hour", Most: 60, Window: time.Hour}
)

// Deps are what Registration is made of.
type Deps struct {
	DB      *postgres.DB
	Codes   *code.Codes
	Queue   *delivery.Queue
	Hasher  *password.Hasher
	Policy  password.Policy
	Domains []string // that may register; empty for all
	Now     func() time.Time
}

// Registration is the way from an address to an account.
type Registration struct {
	db      *postgres.DB
	codes   *code.Codes
	queue   *delivery.Queue
	hasher  *password.Hasher
	policy  password.Policy
	domains []string
	now     func() time.Time
}

// New makes Registration.
func New(d Deps) *Registration {
	return &Registration{
		db: d.DB, codes: d.Codes, queue: d.Queue, hasher: d.Hasher, policy: d.Policy, domains: d.Domains, now: d.Now,
	}
}

// SendCode mails a code to the address. It does the same for a free and a taken one; the worker
// that sends writes to the owner of a taken one that there is an account already.
func (r *Registration) SendCode(ctx context.Context, by caller.Caller, email string) error {
	if !r.allowed(email) {
		return ErrEmailNotAllowed
	}

	id := delivery.NewID()

	return r.db.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		if queued, err := r.queue.Queued(ctx, tx, id); queued || err != nil {
			return err
		}

		if err := r.take(ctx, tx, by, email); err != nil {
			return err
		}

		plain, expires, err := r.codes.Issue(ctx, tx, code.Registration, email)
		if err != nil {
			return err
		}

		err = audit.Record(ctx, tx, r.now(), by, audit.Event{Action: audit.CodeSent, Subject: email})
		if err != nil {
			return err
		}

		return r.queue.Enqueue(ctx, tx, id, delivery.Message{
			Kind: delivery.RegistrationCode, Channel: delivery.Mail, To: email, Language: by.Language,
			Content: delivery.Content{Code: plain}, Expires: expires,
		})
	})
}

// take counts one send. Every sender locks in this order: the destination first.
func (r *Registration) take(ctx context.Context, tx postgres.Tx, by caller.Caller, email string) error {
	uses := []throttle.Use{{Limit: perNetwork, Subject: by.Network()}}
	for _, limit := range slices.Backward(perAddress) {
		uses = slices.Insert(uses, 0, throttle.Use{Limit: limit, Subject: email})
	}

	return throttle.TakeAll(ctx, tx, r.now(), uses...)
}

func (r *Registration) allowed(email string) bool {
	_, domain, _ := strings.Cut(email, "@")

	return len(r.domains) == 0 || slices.Contains(r.domains, domain)
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
func (r *Registration) Register(ctx context.Context, by caller.Caller, a Applicant) (account.Account, error) {
	if err := r.policy.Check(a.Password, a.Email, a.Name); err != nil {
		return account.Account{}, err
	}

	// Before the guess is counted: a server too busy to hash must not cost anybody a right code.
	turn, err := r.hasher.Turn(ctx)
	if err != nil {
		return account.Account{}, err
	}
	defer turn.End()

	created, err := r.redeem(ctx, by, a, turn)
	if errors.Is(err, code.ErrInvalid) {
		return account.Account{}, r.refuse(ctx, by, a.Email)
	} else if err != nil {
		return account.Account{}, err
	}

	// The account is there; a budget that stays one too low for a day harms nobody.
	_ = r.codes.GiveBack(ctx)

	return created, nil
}

func (r *Registration) redeem(ctx context.Context, by caller.Caller, a Applicant, turn password.Turn) (account.Account, error) {
	ticket, err := r.codes.Attempt(ctx, code.Registration, a.Email, a.Code)
	if err != nil {
		return account.Account{}, err
	}

	hash, err := turn.Hash(a.Password)
	if err != nil {
		return account.Account{}, err
	}

	var created account.Account

	id := account.NewID(r.now())

	err = r.db.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		earlier, done, err := account.Earlier(ctx, tx, id)
		if done || err != nil {
			created = earlier

			return err
		}

		if err := r.codes.Redeem(ctx, tx, ticket); err != nil {
			return err
		}

		created, err = account.Insert(ctx, tx, r.now(), id, account.Creation{
			Email: a.Email, Name: a.Name, PasswordHash: hash, MemberGroup: account.GroupNone,
		})
		if errors.Is(err, account.ErrTaken) {
			return code.ErrInvalid
		} else if err != nil {
			return err
		}

		return audit.Record(ctx, tx, r.now(), by, audit.Event{Action: audit.AccountRegistered, AccountID: id})
	})

	return created, err
}

func (r *Registration) refuse(ctx context.Context, by caller.Caller, email string) error {
	err := r.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return audit.Record(ctx, conn, r.now(), by, audit.Event{Action: audit.CodeRefused, Subject: email})
	})
	if err != nil {
		return err
	}

	return code.ErrInvalid
}
