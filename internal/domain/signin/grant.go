package signin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// ErrGrantInvalid has the code of ErrTicketInvalid, and is invalid input: the caller is signed in and stays so.
var ErrGrantInvalid = problem.New(problem.Invalid, ErrTicketInvalid.Code)

// Grant says that the user of a browser has shown an external identity to an app: a text that passes through the browser, valid for
// code.AppGrant.Lifetime, once, and only together with the verifier of the app that began (RFC 7636).
type Grant string

// grantContext is the context under which a grant is sealed.
var grantContext = []string{"signin", "app grant"}

// sealedGrant is the content of a Grant.
type sealedGrant struct {
	Plain     string          `json:"p"` // of the code that makes it valid once
	Provider  string          `json:"i"`
	Subject   string          `json:"s"`
	Profile   json.RawMessage `json:"u"`
	Challenge string          `json:"c"` // of the verifier
}

// subject is what the grant's code is bound to.
func (g sealedGrant) subject() string { return g.Provider + " " + g.Subject }

func (g sealedGrant) identity() ExternalIdentity {
	return ExternalIdentity{Provider: g.Provider, Subject: g.Subject, Profile: g.Profile}
}

// Grant makes a grant of an identity for the app whose verifier has this challenge: its SHA-256 in base64url.
func (s *SignIn) Grant(ctx context.Context, who ExternalIdentity, challenge string) (Grant, error) {
	g := sealedGrant{Plain: code.NewOpaque(), Provider: who.Provider, Subject: who.Subject, Profile: who.Profile, Challenge: challenge}

	err := s.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		return s.Codes.IssueOpaque(ctx, tx, code.AppGrant, g.subject(), g.Plain)
	})
	if err != nil {
		return "", err
	}

	text, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("encode grant: %w", err)
	}

	return Grant(base64.RawURLEncoding.EncodeToString(s.Keys.Seal(text, grantContext...))), nil
}

// OpenedGrant is a grant that is valid at this moment, and has not been used yet.
type OpenedGrant struct {
	ExternalIdentity

	use func(ctx context.Context, tx postgres.Tx) error
}

// Use uses the grant up, in the transaction of what it allows. Of several concurrent callers one succeeds; the others get
// code.ErrInvalid.
func (g OpenedGrant) Use(ctx context.Context, tx postgres.Tx) error { return g.use(ctx, tx) }

// OpenGrant returns ErrGrantInvalid unless the grant is valid at this moment and the verifier is that of its app.
func (s *SignIn) OpenGrant(ctx context.Context, grant Grant, verifier string) (OpenedGrant, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(string(grant))
	if err != nil {
		return OpenedGrant{}, ErrGrantInvalid
	}

	text, err := s.Keys.Open(sealed, grantContext...)
	if err != nil {
		return OpenedGrant{}, ErrGrantInvalid
	}

	var g sealedGrant
	if err := json.Unmarshal(text, &g); err != nil {
		return OpenedGrant{}, fmt.Errorf("read grant: %w", err)
	}

	digest := sha256.Sum256([]byte(verifier))
	if subtle.ConstantTimeCompare([]byte(g.Challenge), []byte(base64.RawURLEncoding.EncodeToString(digest[:]))) == 0 {
		return OpenedGrant{}, ErrGrantInvalid
	}

	holds, err := postgres.Get(ctx, s.DB, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
		return s.Codes.HoldsOpaque(ctx, conn, code.AppGrant, g.subject(), g.Plain)
	})
	if err != nil {
		return OpenedGrant{}, err
	} else if !holds {
		return OpenedGrant{}, ErrGrantInvalid
	}

	return OpenedGrant{ExternalIdentity: g.identity(), use: func(ctx context.Context, tx postgres.Tx) error {
		return s.Codes.RedeemOpaque(ctx, tx, code.AppGrant, g.subject(), g.Plain)
	}}, nil
}

// WithGrant signs in the account to which the identity of a grant is bound. It is one factor: if two are asked for, it takes a
// code of the authenticator app, too. A wrong code leaves the grant valid; the limits of second factors bound the guesses.
func (a App) WithGrant(ctx context.Context, grant Grant, verifier, second string) (session.Tokens, error) {
	s := a.signin

	opened, err := s.OpenGrant(ctx, grant, verifier)
	if errors.Is(err, ErrGrantInvalid) {
		return session.Tokens{}, ErrTicketInvalid
	} else if err != nil {
		return session.Tokens{}, err
	}

	who := opened.ExternalIdentity

	found, err := s.identityAccount(ctx, who)
	if err != nil {
		return session.Tokens{}, err
	}

	p, err := s.identityProof(ctx, found, who, opened.Use)
	if err != nil {
		return session.Tokens{}, err
	}

	var o newSession
	if found.TwoFactors {
		o, err = s.withSecond(ctx, p, factor.Second, second, a.open)
	} else {
		o, err = s.open(ctx, p, a.open)
	}

	switch {
	case errors.Is(err, ErrTOTPRequired):
		return session.Tokens{}, s.askSecond(ctx, p, who.Subject, func(context.Context, db.DBTX) error { return nil })
	case errors.Is(err, errMovedOn):
		return session.Tokens{}, s.refuse(ctx, who.Provider, found.ID, who.Subject, ErrIdentityNotBound)
	case errors.Is(err, factor.ErrCodeInvalid) && found.TwoFactors:
		return session.Tokens{}, s.refuse(ctx, p.method+"+"+methodTOTP, found.ID, who.Subject, factor.ErrCodeInvalid)
	case errors.Is(err, code.ErrInvalid):
		return session.Tokens{}, ErrTicketInvalid // of two concurrent calls with one grant
	}

	return a.tokens(ctx, o, err)
}
