package signin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

var (
	// ErrIdentityNotBound is returned for an identity that no account has, or only a disabled one, and for one that a
	// password reset has suspended.
	ErrIdentityNotBound = problem.New(problem.Refused, "IDENTITY_NOT_BOUND")
	// ErrTicketInvalid is returned for a ticket that is not ours, has expired or was used.
	ErrTicketInvalid = problem.New(problem.Refused, "TICKET_INVALID")
)

// ExternalIdentity is a user for whom another provider vouches. Its creator has asked the provider.
type ExternalIdentity struct {
	Provider string
	Subject  string // the provider's id of the user
	Profile  []byte // the provider's profile of the user, in JSON; nil leaves the one that is stored
}

// Ticket says that a browser's user has shown an external identity, and has yet to send a second factor: a text for a
// cookie, at most 512 characters, valid for code.IdentityTicket.Lifetime and for one session.
type Ticket string

// WithExternalIdentity signs in the account to which the identity is bound. It is one factor, as a password is: if two are
// asked for it opens no session, and returns ErrTOTPRequired with a ticket for WithTicket.
func (b Browser) WithExternalIdentity(ctx context.Context, who ExternalIdentity) (Session, Ticket, error) {
	s := b.signin

	found, err := s.identityAccount(ctx, who)
	if err != nil {
		return Session{}, "", err
	}

	p, err := s.identityProof(ctx, found, who, func(context.Context, postgres.Tx) error { return nil })
	if err != nil {
		return Session{}, "", err
	}

	o, err := s.openWithIdentity(ctx, p, found.TwoFactors, b.open)
	if errors.Is(err, ErrTOTPRequired) {
		ticket, err := s.issueTicket(ctx, p, who)
		if err != nil {
			return Session{}, "", err
		}

		return Session{}, ticket, ErrTOTPRequired
	}
	if errors.Is(err, errMovedOn) {
		return Session{}, "", s.refuse(ctx, who.Provider, found.ID, who.Subject, ErrIdentityNotBound)
	}

	return b.session(o), "", err
}

// WithTicket completes the sign-in of WithExternalIdentity with a code of the authenticator app. A wrong code leaves the
// ticket valid; the limits of second factors bound the guesses.
func (b Browser) WithTicket(ctx context.Context, ticket Ticket, second string) (Session, error) {
	s := b.signin

	opened, err := s.openTicket(ctx, ticket)
	if err != nil {
		return Session{}, err
	}

	found, err := s.identityAccount(ctx, opened.who)
	if err != nil {
		return Session{}, err
	}

	p, err := s.identityProof(ctx, found, opened.who, func(ctx context.Context, tx postgres.Tx) error {
		return s.Codes.RedeemOpaque(ctx, tx, code.IdentityTicket, opened.subject(), opened.plain)
	})
	if err != nil {
		return Session{}, err
	}

	o, err := s.withSecond(ctx, p, factor.Second, second, b.open)

	switch {
	case errors.Is(err, errMovedOn):
		return Session{}, s.refuse(ctx, opened.who.Provider, found.ID, opened.who.Subject, ErrIdentityNotBound)
	case errors.Is(err, factor.ErrCodeInvalid):
		return Session{}, s.refuse(ctx, p.method+"+"+methodTOTP, found.ID, opened.who.Subject, factor.ErrCodeInvalid)
	}

	return b.session(o), err
}

func (s *SignIn) openWithIdentity(ctx context.Context, p proof, twoFactors bool, opener openSession) (newSession, error) {
	if twoFactors {
		return s.openTrusted(ctx, p, opener)
	}

	return s.open(ctx, p, opener)
}

// identityAccount returns the account that the identity signs in.
func (s *SignIn) identityAccount(ctx context.Context, who ExternalIdentity) (db.IdentityAccountRow, error) {
	found, err := postgres.Get(ctx, s.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.IdentityAccountRow, error) {
		return db.New(conn).IdentityAccount(ctx, db.IdentityAccountParams{Provider: who.Provider, Subject: who.Subject})
	})
	if err != nil && !postgres.IsNotFound(err) {
		return found, fmt.Errorf("look up identity: %w", err)
	}

	if found.Status != string(account.Active) {
		return found, s.refuse(ctx, who.Provider, found.ID, who.Subject, ErrIdentityNotBound)
	}

	return found, nil
}

// identityProof returns what a sign-in with the identity rests on. use uses up what led to it.
func (s *SignIn) identityProof(
	ctx context.Context, found db.IdentityAccountRow, who ExternalIdentity, use func(ctx context.Context, tx postgres.Tx) error,
) (proof, error) {
	place, err := s.Devices.Place(ctx, found.ID)
	if err != nil {
		return proof{}, err
	}

	return proof{
		accountID: found.ID, method: who.Provider, methods: session.Methods{session.ByLark}, place: place,
		use: func(ctx context.Context, tx postgres.Tx) error {
			used, err := db.New(tx).IdentityUse(ctx, db.IdentityUseParams{
				Provider: who.Provider, Subject: who.Subject, AccountID: found.ID, Profile: who.Profile, Now: s.Now(),
			})
			if err != nil {
				return fmt.Errorf("use identity: %w", err)
			} else if used == 0 {
				return errMovedOn
			}

			return use(ctx, tx)
		},
	}, nil
}

// ticketContext is the context under which a ticket is sealed.
var ticketContext = []string{"signin", "identity ticket"}

// sealedTicket is the content of a ticket.
type sealedTicket struct {
	plain string // of the code that makes it valid once
	who   ExternalIdentity
}

// subject is what the ticket's code is bound to.
func (t sealedTicket) subject() string { return t.who.Provider + " " + t.who.Subject }

// issueTicket records that the second factor is asked for, as askSecond does.
func (s *SignIn) issueTicket(ctx context.Context, p proof, who ExternalIdentity) (Ticket, error) {
	t := sealedTicket{plain: code.NewOpaque(), who: who}

	err := s.askSecond(ctx, p, who.Subject, func(ctx context.Context, tx db.DBTX) error {
		return s.Codes.IssueOpaque(ctx, tx, code.IdentityTicket, t.subject(), t.plain)
	})
	if !errors.Is(err, ErrTOTPRequired) {
		return "", err
	}

	sealed := s.Keys.Seal([]byte(t.plain+" "+t.subject()), ticketContext...)

	return Ticket(base64.RawURLEncoding.EncodeToString(sealed)), nil
}

// openTicket returns ErrTicketInvalid unless the ticket is valid at this moment. It does not use it up.
func (s *SignIn) openTicket(ctx context.Context, ticket Ticket) (sealedTicket, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(string(ticket))
	if err != nil {
		return sealedTicket{}, ErrTicketInvalid
	}

	plain, err := s.Keys.Open(sealed, ticketContext...)
	if err != nil {
		return sealedTicket{}, ErrTicketInvalid
	}

	parts := strings.SplitN(string(plain), " ", 3)
	t := sealedTicket{plain: parts[0], who: ExternalIdentity{Provider: parts[1], Subject: parts[2]}}

	holds, err := postgres.Get(ctx, s.DB, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
		return s.Codes.HoldsOpaque(ctx, conn, code.IdentityTicket, t.subject(), t.plain)
	})
	if err != nil {
		return sealedTicket{}, err
	}

	if !holds {
		return sealedTicket{}, ErrTicketInvalid
	}

	return t, nil
}
