package profile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/registration"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// recent is how old a sign-in may be for a change of the means to sign in: an attacker may have found an open browser.
const recent = 15 * time.Minute

// The errors.
var (
	ErrEmailTaken = problem.New(problem.Invalid, "EMAIL_TAKEN")
	ErrPhoneTaken = problem.New(problem.Invalid, "PHONE_TAKEN")
	ErrLastWayIn  = problem.New(problem.Invalid, "LAST_WAY_IN")
)

// requireRecent refuses before the transaction what needs a recent sign-in, so that no guess is counted or compared.
func (p *Profiles) requireRecent(who session.Principal) error {
	if who.Actor(recent).TooOld(who.AuthenticatedAt, p.Now()) {
		return authority.ErrReauthRequired
	}

	return nil
}

// Basics are what an app changes: a name in its normal form, the number of a built-in picture, and the picture as of
// SetPicture. What is nil stays.
type Basics struct {
	Name    *string
	Avatar  *int32
	Picture *string
	// Language is that of the account's mails and text messages.
	Language *language.Language
}

// SetBasics changes them, and returns the account as it is then.
func (p *Profiles) SetBasics(ctx context.Context, who session.Principal, b Basics) (account.Account, error) {
	var what []string
	if b.Name != nil {
		what = append(what, "name")
	}

	if b.Avatar != nil {
		what = append(what, "avatar")
	}

	if b.Picture != nil {
		what = append(what, "picture")
	}

	if b.Language != nil {
		what = append(what, "language")
	}

	err := p.change(ctx, who, strings.Join(what, "+"), func(ctx context.Context, tx postgres.Tx, now time.Time) (int64, error) {
		return db.New(tx).AccountSetBasics(ctx, db.AccountSetBasicsParams{
			ID: who.Account.ID, Name: b.Name, Avatar: b.Avatar, Picture: b.Picture, Language: (*string)(b.Language), Now: now,
		})
	})
	if err != nil {
		return account.Account{}, err
	}

	return p.Account(ctx, who)
}

// Account returns the caller's account as it is now.
func (p *Profiles) Account(ctx context.Context, who session.Principal) (account.Account, error) {
	changed, err := account.ByID(ctx, p.DB, who.Account.ID)
	if errors.Is(err, account.ErrNotFound) {
		return changed, problem.ErrTokenInvalid // erased at this moment
	}

	return changed, err
}

// SetName changes the display name. name is in its normal form.
func (p *Profiles) SetName(ctx context.Context, who session.Principal, name string) error {
	return p.change(ctx, who, "name", func(ctx context.Context, tx postgres.Tx, now time.Time) (int64, error) {
		return db.New(tx).AccountSetName(ctx, db.AccountSetNameParams{ID: who.Account.ID, Name: name, Now: now})
	})
}

// SetPicture changes the picture: an object key or a URL, or empty for none.
func (p *Profiles) SetPicture(ctx context.Context, who session.Principal, picture string) error {
	return p.change(ctx, who, "picture", func(ctx context.Context, tx postgres.Tx, now time.Time) (int64, error) {
		return db.New(tx).AccountSetPicture(ctx, db.AccountSetPictureParams{ID: who.Account.ID, Picture: picture, Now: now})
	})
}

// change runs a change of which the owner is not notified.
func (p *Profiles) change(
	ctx context.Context, who session.Principal, what string,
	set func(ctx context.Context, tx postgres.Tx, now time.Time) (int64, error),
) error {
	now := p.Now()
	event := audit.Event{Action: audit.AccountChanged, AccountID: who.Account.ID, SessionID: who.SessionID, Method: what}

	return authority.Recorded(ctx, p.DB, now, who.Actor(0), &event, func(ctx context.Context, tx postgres.Tx, _ authority.Rights) error {
		if _, err := set(ctx, tx, now); err != nil {
			return fmt.Errorf("change %s: %w", what, err)
		}

		return nil
	})
}

func (p *Profiles) record(
	ctx context.Context, tx postgres.Tx, who session.Principal, action audit.Action, what string, now time.Time,
) error {
	return audit.Record(ctx, tx, now, audit.Event{
		Action: action, AccountID: who.Account.ID, SessionID: who.SessionID, Method: what,
	})
}

// SendEmailCode sends a code and a link to the new address of the account. Only a user who proves control of the
// address learns whether another account has it.
func (p *Profiles) SendEmailCode(ctx context.Context, who session.Principal, email string) error {
	if err := p.requireRecent(who); err != nil {
		return err
	}

	if !p.EmailAllowed(email) {
		return registration.ErrEmailNotAllowed
	}

	return p.Challenges.Send(ctx, challenge.Request{
		Kind: challenge.Email, To: email, Actor: who.Actor(recent),
		Link: func(ctx context.Context, tx db.DBTX) (string, error) { return p.emailLink(ctx, tx, who, email) },
	})
}

// SetEmail makes the address the account's, with the code that was sent to it, and notifies the old address.
func (p *Profiles) SetEmail(ctx context.Context, who session.Principal, email, guess string) error {
	if err := p.requireRecent(who); err != nil {
		return err
	}

	answer := challenge.Answer{Kind: challenge.Email, AccountID: who.Account.ID, SessionID: who.SessionID, To: email, Text: guess}

	proof, err := p.Challenges.Answer(ctx, answer)
	if err != nil {
		return err
	}

	err = p.setEmail(ctx, who, who.Actor(recent), email, proof.Use)
	p.Challenges.Finish(ctx, proof, err)

	if errors.Is(err, code.ErrInvalid) {
		return p.Challenges.Refused(ctx, answer)
	}

	return err
}

// SetEmailAtOnce is the document's single step, for settings that require no proof.
func (p *Profiles) SetEmailAtOnce(ctx context.Context, who session.Principal, email string) error {
	if err := p.requireRecent(who); err != nil {
		return err
	}

	if !p.EmailAllowed(email) {
		return registration.ErrEmailNotAllowed
	}

	return p.setEmail(ctx, who, who.Actor(recent), email, func(context.Context, db.DBTX) error { return nil })
}

func (p *Profiles) setEmail(
	ctx context.Context, who session.Principal, actor authority.Actor, email string, use func(context.Context, db.DBTX) error,
) error {
	return p.changeAndNotify(ctx, actor, delivery.EmailChanged, func(ctx context.Context, tx postgres.Tx, now time.Time) (notice, error) {
		if email == who.Account.Email {
			return notice{}, use(ctx, tx) // no change and no notification
		}

		changed, err := db.New(tx).AccountSetEmail(ctx, db.AccountSetEmailParams{
			ID: who.Account.ID, OldEmail: who.Account.Email, NewEmail: email, Now: now,
		})

		switch {
		case postgres.ViolatesConstraint(err, "account_email_key"):
			return notice{}, ErrEmailTaken
		case err != nil:
			return notice{}, fmt.Errorf("change e-mail: %w", err)
		case changed == 0:
			return notice{}, code.ErrInvalid
		}

		if err := account.EnsureUnreserved(ctx, tx, now, who.Account.ID, email); errors.Is(err, account.ErrTaken) {
			return notice{}, ErrEmailTaken
		} else if err != nil {
			return notice{}, err
		}

		if err := use(ctx, tx); err != nil {
			return notice{}, err
		}

		// Requests made with the old address are void: the owner may no longer want them.
		if err := code.VoidEmails(ctx, tx, who.Account.ID); err != nil {
			return notice{}, err
		}

		undoable, err := account.MoveReservation(ctx, tx, now, who.Account.ID, who.Account.Email, email)
		if err != nil {
			return notice{}, err
		}

		told := notice{to: who.Account.Email}
		if undoable {
			told.undo = &Undo{What: UndoEmail, AccountID: who.Account.ID, At: now, Subject: who.Account.Email}
		}

		return told, p.record(ctx, tx, who, audit.EmailChanged, "", now)
	})
}

// SendPhoneCode sends a code to the phone to bind.
func (p *Profiles) SendPhoneCode(ctx context.Context, who session.Principal, phone string) error {
	return p.Challenges.Send(ctx, challenge.Request{Kind: challenge.Phone, To: phone, Actor: who.Actor(recent)})
}

// BindPhone binds the phone, with the code that was sent to it.
func (p *Profiles) BindPhone(ctx context.Context, who session.Principal, phone, guess string) error {
	if err := p.requireRecent(who); err != nil {
		return err
	}

	answer := challenge.Answer{Kind: challenge.Phone, AccountID: who.Account.ID, SessionID: who.SessionID, To: phone, Text: guess}

	proof, err := p.Challenges.Answer(ctx, answer)
	if err != nil {
		return err
	}

	err = p.changeAndNotify(ctx, who.Actor(recent), delivery.PhoneChanged, func(ctx context.Context, tx postgres.Tx, now time.Time) (notice, error) {
		email, err := db.New(tx).AccountSetPhone(ctx, db.AccountSetPhoneParams{
			ID: who.Account.ID, Phone: &phone, Now: now,
		})

		switch {
		case postgres.ViolatesConstraint(err, "account_phone_key"):
			return notice{}, ErrPhoneTaken
		case postgres.IsNotFound(err):
			return notice{}, problem.ErrTokenInvalid
		case err != nil:
			return notice{}, fmt.Errorf("bind phone: %w", err)
		}

		if err := proof.Use(ctx, tx); err != nil {
			return notice{}, err
		}

		undo := &Undo{What: UndoPhone, AccountID: who.Account.ID, At: now, Subject: phone}

		return notice{to: email, undo: undo}, p.record(ctx, tx, who, audit.PhoneChanged, "bound", now)
	})
	p.Challenges.Finish(ctx, proof, err)

	if errors.Is(err, code.ErrInvalid) {
		return p.Challenges.Refused(ctx, answer)
	}

	return err
}

// notice is the mail about a change.
type notice struct {
	to   string    // empty: nothing has changed, and no mail is sent
	undo *Undo     // what its link undoes; nil for no link
	at   time.Time // the time that the mail states; zero for now
}

// changeAndNotify runs a change in one transaction with the mail that notifies its owner.
func (p *Profiles) changeAndNotify(
	ctx context.Context, actor authority.Actor, kind delivery.Kind, set func(ctx context.Context, tx postgres.Tx, now time.Time) (notice, error),
) error {
	id := delivery.NewID()

	return p.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		if queued, err := p.Queue.Queued(ctx, tx, id); queued || err != nil {
			return err
		}

		now := p.Now()

		if _, err := actor.Confirm(ctx, tx, now); err != nil {
			return err
		}

		told, err := set(ctx, tx, now)
		if err != nil || told.to == "" {
			return err
		}

		content := delivery.Content{Device: origin.From(ctx).UserAgent, At: now}
		if !told.at.IsZero() {
			content.At = told.at
		}

		if told.undo != nil {
			content.Link = p.undoLink(*told.undo)
		}

		return p.Queue.Enqueue(ctx, tx, id, delivery.Message{
			Kind: kind, Channel: delivery.Mail, To: told.to, Language: origin.From(ctx).Language, Content: content,
		})
	})
}
