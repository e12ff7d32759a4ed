// Package federation takes people to the sign-in page of another provider, Lark, and back: to sign in with
// who they are there, or to bind that to their account. It holds the database at no time while Lark is
// asked, and keeps nothing that Lark gives out but who somebody is.
package federation

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

var (
	// ErrStateInvalid answers a way back that this browser did not set out on, or too long ago, or that it
	// has come before.
	ErrStateInvalid = problem.New(problem.Refused, "STATE_INVALID")
	// ErrLarkRefused answers who did not agree at Lark, or brings a code that Lark does not take.
	ErrLarkRefused = problem.New(problem.Refused, "LARK_REFUSED")
)

// Deps are what Identities is made of.
type Deps struct {
	DB       *postgres.DB
	Keys     *keyring.Keyring
	Lark     *lark.Client
	Profiles *profile.Profiles
	Failures *throttle.Failures
	Log      *slog.Logger
	Now      func() time.Time
}

// Identities are people's at Lark.
type Identities struct {
	Deps
}

// New makes Identities.
func New(d Deps) *Identities {
	return &Identities{Deps: d}
}

// Authorization is how a browser sets out.
type Authorization struct {
	Cookie string // for Lifetime
	Page   string // Lark's
}

// Authorize sends a browser on its way. who is signed in there, nil for nobody; only a binding asks for it.
func (i *Identities) Authorize(action Action, locale string, who *session.Browser) (Authorization, *problem.Problem) {
	j := oauthState{secret: randomid.New(), action: action, locale: locale}

	if action == Bind {
		if who == nil {
			return Authorization{}, problem.ErrUnauthenticated
		}

		if !i.Profiles.MayBindLark(*who) {
			return Authorization{}, profile.ErrReauthRequired
		}

		j.session = who.SessionID
	}

	state := j.sign(i.Keys, i.Now().Add(Lifetime))

	return Authorization{Cookie: j.text(), Page: i.Lark.Page(state, j.verifier(i.Keys, state))}, nil
}

// Callback is what a browser comes back with.
type Callback struct {
	Cookie string // of the Departure; empty where there is none
	State  string
	Code   string // empty where the person did not agree
}

// CallbackResult is where a journey ended.
type CallbackResult struct {
	Action Action           // empty where nobody can say
	Locale string           // of the Departure, the same
	Opened *signin.Session  // the session of a sign-in
	Failed *problem.Problem // nil for a success
}

// HandleCallback ends a journey. door is where a sign-in opens a session, and who is signed in there, nil for
// nobody. What went wrong on the way is in the Outcome, an outage of Lark included; an error is of our own
// making.
func (i *Identities) HandleCallback(ctx context.Context, door signin.Browser, who *session.Browser, a Callback) (CallbackResult, error) {
	j, ours := parseState(a.Cookie)

	if ours && j.action == Bind && who != nil {
		j.session = who.SessionID
	}

	if !ours || j.action == Bind && who == nil || !j.signed(i.Keys, a.State, i.Now()) {
		return CallbackResult{Failed: ErrStateInvalid}, nil
	}

	o := CallbackResult{Action: j.action, Locale: j.locale}

	opened, err := i.handleCallback(ctx, door, who, j, a)

	switch told, ok := errors.AsType[*problem.Problem](err); {
	case err == nil:
		_ = i.Failures.RefundNetwork(ctx) // it is done; a count one too high harms nobody
		o.Opened = opened
	case errors.Is(err, errAway):
		_ = i.Failures.RefundNetwork(ctx) // nobody here has failed
		o.Failed = problem.ErrUnavailable
	case ok && told.Kind != problem.Unavailable && told.Kind != problem.Internal:
		o.Failed = told
	default:
		return CallbackResult{}, err
	}

	return o, nil
}

func (i *Identities) handleCallback(
	ctx context.Context, door signin.Browser, who *session.Browser, j oauthState, a Callback,
) (*signin.Session, error) {
	event := audit.Event{Method: lark.Provider}
	if j.action == Bind {
		event.AccountID, event.SessionID = who.Account.ID, who.SessionID
	}

	if err := i.markUsed(ctx, a.State); err != nil {
		return nil, throttle.RecordRefusal(ctx, i.DB, i.Now(), err, event)
	}

	person, err := i.ask(ctx, j, a)
	if err != nil {
		return nil, err
	}

	told, err := json.Marshal(person)
	if err != nil {
		return nil, fmt.Errorf("encode identity: %w", err)
	}

	if j.action == Bind {
		err := i.Profiles.BindLark(ctx, *who, person.OpenID, told)
		if errors.Is(err, problem.ErrTokenInvalid) {
			return nil, ErrStateInvalid // the session that set out has ended on the way
		}

		return nil, err
	}

	opened, err := door.WithExternalIdentity(ctx, signin.ExternalIdentity{Provider: lark.Provider, Subject: person.OpenID, Profile: told})
	if err != nil {
		return nil, err
	}

	return &opened, nil
}

// markUsed lets a state be good once, on every replica, and counts its use against the network until it has
// come to a good end: both are committed before Lark is asked, so that nobody makes us ask it at will.
func (i *Identities) markUsed(ctx context.Context, state string) error {
	used := throttle.Limit{Name: "identity state", Max: 1, Window: Lifetime}
	digest := sha256.Sum256([]byte(state))
	subject := base64.RawURLEncoding.EncodeToString(digest[:])

	now := i.Now()

	done := func(ctx context.Context, tx postgres.Tx) (bool, error) {
		return throttle.Begun(ctx, tx, now, used, subject)
	}

	return i.DB.Once(ctx, done, func(ctx context.Context, tx postgres.Tx) error {
		if err := i.Failures.ConsumeNetwork(ctx, tx); err != nil {
			return err
		}

		err := throttle.Consume(ctx, tx, now, used, subject)
		if errors.Is(err, problem.ErrTooManyRequests) {
			return ErrStateInvalid
		}

		return err
	})
}

// errAway says that Lark did not say who somebody is, for no reason of theirs.
var errAway = errors.New("identity: lark is away")

// ask answers who has come.
func (i *Identities) ask(ctx context.Context, j oauthState, a Callback) (lark.Person, error) {
	if a.Code == "" {
		return lark.Person{}, ErrLarkRefused
	}

	person, err := i.Lark.Who(ctx, a.Code, j.verifier(i.Keys, a.State))

	switch {
	case errors.Is(err, lark.ErrRefused):
		return lark.Person{}, ErrLarkRefused
	case err != nil:
		i.Log.WarnContext(ctx, "lark is away, or its settings cannot work", "requestId", origin.From(ctx).RequestID, "error", err.Error())

		return lark.Person{}, errAway
	}

	return person, nil
}
