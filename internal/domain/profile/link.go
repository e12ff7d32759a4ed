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

// linkContext is what a link's token is sealed for.
var linkContext = []string{"profile", "email link"}

// emailLink makes the address of the page that changes the e-mail in place of the code. Its token says,
// sealed, who asked for which address; its secret is good once, until a newer link for the address.
func (p *Profiles) emailLink(ctx context.Context, tx db.DBTX, who session.Browser, email string) (string, error) {
	secret, err := p.Codes.IssueSecret(ctx, tx, code.EmailLink, linkSubject(who, email))
	if err != nil {
		return "", err
	}

	sealed := p.Keys.Seal([]byte(strings.Join([]string{who.SessionID, email, secret}, " ")), linkContext...)

	return p.EmailPage + "?token=" + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// linkSubject has the address until now in it: a link that was made before another change is void.
func linkSubject(who session.Browser, email string) string {
	return strings.Join([]string{who.Account.ID, who.Account.Email, email}, " ")
}

// link is what a token says.
type link struct{ sessionID, email, secret string }

func (p *Profiles) openLink(token string) (link, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return link{}, code.ErrInvalid
	}

	plain, err := p.Keys.Open(sealed, linkContext...)
	if err != nil {
		return link{}, code.ErrInvalid
	}

	parts := strings.Split(string(plain), " ") // none of the three has a space in it

	return link{parts[0], parts[1], parts[2]}, nil
}

// LinkedEmail answers the address that a link's token is for, or code.ErrInvalid where the token is not
// ours. Whether it still changes anything is not said.
func (p *Profiles) LinkedEmail(token string) (string, error) {
	opened, err := p.openLink(token)

	return opened.email, err
}

// ConfirmEmail makes the address of a link its account's, and tells the old one. Whoever has the mail
// may: it is often read where nobody is signed in. But the session that asked for it has to live, so that
// a reset of the password, which ends it, ends what a thief has begun.
func (p *Profiles) ConfirmEmail(ctx context.Context, token string) error {
	opened, err := p.openLink(token)
	if err != nil {
		return err
	}

	err = p.follow(ctx, opened)
	if errors.Is(err, code.ErrInvalid) {
		// Of two who were here at once, the later finds the link used, but the address as it should be.
		err = p.follow(ctx, opened)
	}

	return err
}

func (p *Profiles) follow(ctx context.Context, opened link) error {
	var who session.Browser

	err := p.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		who.Principal, err = p.Sessions.Living(ctx, conn, opened.sessionID)

		return err
	})

	switch {
	case errors.Is(err, problem.ErrTokenInvalid):
		return code.ErrInvalid
	case err != nil:
		return err
	case who.Account.Email == opened.email:
		return nil // the button was pressed twice, or the code was quicker
	}

	err = p.setEmail(ctx, who, opened.email, func(ctx context.Context, tx db.DBTX) error {
		return p.Codes.RedeemSecret(ctx, tx, code.EmailLink, linkSubject(who, opened.email), opened.secret)
	})
	if errors.Is(err, problem.ErrTokenInvalid) {
		return code.ErrInvalid // the session has ended in this moment
	}

	return err
}
