package profile

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// linkContext is the context under which a link's token is sealed.
var linkContext = []string{"profile", "email link"}

// emailLink returns the address of the page that changes the e-mail with a link instead of the code. Its token
// contains, sealed, the account and the new address. Its secret is valid once, until there is a newer link for the
// address.
func (p *Profiles) emailLink(ctx context.Context, tx db.DBTX, who session.Principal, email string) (string, error) {
	secret, err := p.Codes.IssueSecret(ctx, tx, code.EmailLink, linkSubject(who, email))
	if err != nil {
		return "", err
	}

	sealed := p.Keys.Seal([]byte(strings.Join([]string{who.SessionID, email, secret, who.Account.Email}, " ")), linkContext...)

	return p.EmailPage + "?token=" + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// linkSubject contains the current address: a link made before another change is void.
func linkSubject(who session.Principal, email string) string {
	return strings.Join([]string{who.Account.ID, who.Account.Email, email}, " ")
}

// link is the content of a token.
type link struct{ sessionID, email, secret, from string }

func (p *Profiles) openLink(token string) (link, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return link{}, code.ErrInvalid
	}

	plain, err := p.Keys.Open(sealed, linkContext...)
	if err != nil {
		return link{}, code.ErrInvalid
	}

	parts := strings.Split(string(plain)+" ", " ") // none of them contains a space; the previous version has no address at the end

	return link{parts[0], parts[1], parts[2], parts[3]}, nil
}

// EmailChange is what a link changes.
type EmailChange struct {
	From string // the address that the account had when the link was made; empty if unknown
	To   string
}

// LinkedEmail returns what a link's token changes, or code.ErrInvalid if the token is not ours. It does not report whether
// the link still works.
func (p *Profiles) LinkedEmail(token string) (EmailChange, error) {
	opened, err := p.openLink(token)

	return EmailChange{From: opened.from, To: opened.email}, err
}

// ConfirmEmail makes the address of a link its account's, and notifies the old address. No sign-in is required, because
// mail is often read in another browser. But the session that requested the link must be live: a password reset ends
// that session, and so ends what an attacker has begun.
func (p *Profiles) ConfirmEmail(ctx context.Context, token string) error {
	opened, err := p.openLink(token)
	if err != nil {
		return err
	}

	err = p.follow(ctx, opened)
	if errors.Is(err, code.ErrInvalid) {
		// Of two concurrent calls, the later one finds the link used but the address as it should be.
		err = p.follow(ctx, opened)
	}

	return err
}

func (p *Profiles) follow(ctx context.Context, opened link) error {
	var who session.Principal

	err := p.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		who, err = p.Sessions.Living(ctx, conn, opened.sessionID)

		return err
	})

	switch {
	case errors.Is(err, problem.ErrTokenInvalid):
		return code.ErrInvalid
	case err != nil:
		return err
	case who.Account.Email == opened.email:
		return nil // the button was pressed twice, or the code was faster
	}

	err = p.setEmail(ctx, who, who.Actor(0), opened.email, func(ctx context.Context, tx db.DBTX) error {
		return p.Codes.RedeemSecret(ctx, tx, code.EmailLink, linkSubject(who, opened.email), opened.secret)
	})
	if errors.Is(err, problem.ErrTokenInvalid) {
		return code.ErrInvalid // the session ended at this moment
	}

	return err
}
