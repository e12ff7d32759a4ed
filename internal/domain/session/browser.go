package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// surfacePublic marks the sessions that cookies belong to.
const surfacePublic = "public"

// CookieGrace is how long the value of a session's cookie stays valid after a renewal: other tabs and requests in
// flight still carry it (contract, "refresh_code").
const CookieGrace = time.Minute

// Cookie is the value of a browser's session cookie: 256 random bits in base64url, 43 characters.
// Only its digest is stored.
type Cookie string

// NewCookie returns a new random value.
func NewCookie() Cookie {
	return Cookie(base64.RawURLEncoding.EncodeToString(randomid.Bytes(32)))
}

// digest needs no key: 256 random bits cannot be guessed.
func (c Cookie) digest() []byte {
	sum := sha256.Sum256([]byte(c))

	return sum[:]
}

// Browser is a signed-in browser.
type Browser struct {
	Principal

	Cookie  Cookie // the value that the browser sent
	Phone   bool   // a phone is bound
	TOTP    bool   // an authenticator app is bound
	Picture string // an object key or a URL, or empty
	SignIns int64
	Lark    *lark.Person // nil if none is bound
}

// OpenBrowser adds a browser's session to the transaction of a sign-in, as Open does.
func (s *Sessions) OpenBrowser(ctx context.Context, tx postgres.Tx, accountID, id string, methods Methods, cookie Cookie) error {
	if err := s.open(ctx, tx, surfacePublic, s.Browsers, accountID, id, methods); err != nil {
		return err
	}

	return s.addCookie(ctx, tx, id, cookie)
}

// addCookie gives a value the lifetime of its session; the session may end earlier.
func (s *Sessions) addCookie(ctx context.Context, tx postgres.Tx, id string, cookie Cookie) error {
	now := s.Now()

	err := db.New(tx).SessionCookieAdd(ctx, db.SessionCookieAddParams{
		Digest: cookie.digest(), SessionID: id, Now: now, ExpiresAt: now.Add(s.Browsers.Absolute),
	})
	if err != nil {
		return fmt.Errorf("add cookie: %w", err)
	}

	return nil
}

// AuthenticateBrowser returns the browser that sent the cookie, in one statement, or problem.ErrTokenInvalid.
func (s *Sessions) AuthenticateBrowser(ctx context.Context, cookie Cookie) (Browser, error) {
	row, err := postgres.Get(ctx, s.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.SessionByCookieRow, error) {
		return db.New(conn).SessionByCookie(ctx, db.SessionByCookieParams{Digest: cookie.digest(), Now: s.Now()})
	})
	if postgres.IsNotFound(err) {
		return Browser{}, problem.ErrTokenInvalid
	} else if err != nil {
		return Browser{}, fmt.Errorf("check session: %w", err)
	}

	person, err := lark.ParsePerson(row.Lark)
	if err != nil {
		return Browser{}, err
	}

	return Browser{
		Principal: Principal{
			SessionID: row.SessionID, AuthenticatedAt: row.AuthenticatedAt, changes: s.Changes,
			Account: account.Account{
				ID: row.ID, Email: row.Email, Name: row.Name, MemberGroup: row.MemberGroup, Avatar: row.Avatar,
				Status:    account.Status(row.Status),
				CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Version: row.Version,
			},
		},
		Cookie:  cookie,
		Phone:   row.Phone != nil,
		TOTP:    row.TOTP,
		Picture: row.Picture,
		SignIns: row.SignInCount,
		Lark:    person,
	}, nil
}

// Living returns the principal of a live session of either surface, or problem.ErrTokenInvalid.
func (s *Sessions) Living(ctx context.Context, tx db.DBTX, id string) (Principal, error) {
	row, err := db.New(tx).SessionAuthenticate(ctx, db.SessionAuthenticateParams{ID: id, Now: s.Now()})
	if postgres.IsNotFound(err) {
		return Principal{}, problem.ErrTokenInvalid
	} else if err != nil {
		return Principal{}, fmt.Errorf("check session: %w", err)
	}

	return s.principalOf(row), nil
}

// renewal is the browser as the actor of a renewal, which counts in its own session only: no other session of the account
// keeps this one from going on.
func (b Browser) renewal() authority.Actor {
	actor := b.Actor(0)
	actor.Counted = b.SessionID

	return actor
}

// RefreshCode makes a code that Renew accepts, once, within its lifetime. It belongs to the session, and voids no other
// code.
func (s *Sessions) RefreshCode(ctx context.Context, who Browser) (string, error) {
	plain := code.NewOpaque()

	err := s.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		if _, err := who.renewal().Confirm(ctx, tx, s.Now()); err != nil {
			return err
		}

		return s.Codes.IssueOpaque(ctx, tx, code.Renewal, who.SessionID, plain)
	})

	return plain, err
}

// Renew exchanges a code of RefreshCode for a new value of the session's cookie, and extends the session. Of several
// renewals with one code one succeeds; the others get code.ErrInvalid. Tabs that renew at once, each with its own code,
// each get a value, and all values are valid.
func (s *Sessions) Renew(ctx context.Context, who Browser, plain string) (Cookie, error) {
	fresh := NewCookie()

	err := s.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		now, queries := s.Now(), db.New(tx)

		if tx.Repeated {
			if added, err := queries.SessionCookieAdded(ctx, fresh.digest()); added > 0 || err != nil {
				return err
			}
		}

		if _, err := who.renewal().Confirm(ctx, tx, now); err != nil {
			return err
		}

		if err := s.Codes.RedeemOpaque(ctx, tx, code.Renewal, who.SessionID, plain); err != nil {
			return err
		}

		renewed, err := queries.SessionRenew(ctx, db.SessionRenewParams{
			ID: who.SessionID, Now: now, IdleUntil: now.Add(s.Browsers.Idle),
		})
		if err != nil {
			return fmt.Errorf("renew session: %w", err)
		} else if renewed == 0 {
			return problem.ErrTokenInvalid
		}

		if err := queries.AccountSeen(ctx, db.AccountSeenParams{ID: who.Account.ID, Now: now}); err != nil {
			return fmt.Errorf("account seen: %w", err)
		}

		return s.ReplaceCookie(ctx, tx, who, fresh)
	})

	return fresh, err
}

// ReplaceCookie gives a browser's session a new value of its cookie. The value before stays valid for CookieGrace.
func (s *Sessions) ReplaceCookie(ctx context.Context, tx postgres.Tx, who Browser, fresh Cookie) error {
	now, queries := s.Now(), db.New(tx)

	err := queries.SessionCookieRetire(ctx, db.SessionCookieRetireParams{
		SessionID: who.SessionID, Digest: who.Cookie.digest(), Until: now.Add(CookieGrace),
	})
	if err != nil {
		return fmt.Errorf("retire cookie: %w", err)
	}

	if err := s.addCookie(ctx, tx, who.SessionID, fresh); err != nil {
		return err
	}

	if err := queries.SessionCookieTrim(ctx, db.SessionCookieTrimParams{SessionID: who.SessionID, Now: now}); err != nil {
		return fmt.Errorf("trim cookies: %w", err)
	}

	return nil
}

// EndReplaced ends the session that a sign-in in the same browser replaces, in the sign-in's transaction: a session id
// never survives a sign-in.
func (s *Sessions) EndReplaced(ctx context.Context, tx postgres.Tx, who Principal) error {
	return s.end(ctx, tx, who, "signed in again")
}

func (s *Sessions) end(ctx context.Context, tx postgres.Tx, who Principal, reason string) error {
	ended, err := db.New(tx).SessionRevoke(ctx, db.SessionRevokeParams{ID: who.SessionID, Now: s.Now(), Reason: reason})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}

	if ended == 0 {
		return nil
	}

	return audit.Record(ctx, tx, s.Now(), audit.Event{
		Action: audit.SessionEnded, AccountID: who.Account.ID, SessionID: who.SessionID,
	})
}
