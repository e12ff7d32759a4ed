// Package federation sends users to the sign-in page of another provider, Lark, and handles the callback: to sign in
// with their identity there, or to bind it to their account. It never holds a database connection during a request to
// Lark, and stores nothing from Lark except the identity.
package federation

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/appredirect"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

var (
	// ErrStateInvalid is returned for a callback that this browser did not start, or started too long ago, or that has
	// been used before.
	ErrStateInvalid = problem.New(problem.Refused, "STATE_INVALID")
	// ErrLarkRefused is returned if the user did not agree at Lark, or if Lark does not accept the code.
	ErrLarkRefused = problem.New(problem.Refused, "LARK_REFUSED")
)

var errRedirect = problem.ErrInvalidRequest.WithFields(problem.Field{Name: "?redirect_uri", Message: language.Text{
	Chinese: "不是服务器允许的返回地址", English: "is not one of the addresses that the server returns to",
}})

// Deps are the dependencies of Federation.
type Deps struct {
	DB        *postgres.DB
	Keys      *keyring.Keyring
	Lark      *lark.Client
	SignIn    *signin.SignIn
	Profiles  *profile.Profiles
	Failures  *throttle.Failures
	Redirects appredirect.List // where browsers return to apps
	Log       *slog.Logger
	Now       func() time.Time
}

// Identities signs users in with their identity at Lark, and binds it.
type Identities struct {
	Deps
}

// New returns Identities.
func New(d Deps) *Identities {
	return &Identities{Deps: d}
}

// Authorization is the start of a browser's way to Lark.
type Authorization struct {
	Cookie string // for Lifetime
	Page   string // Lark's
}

// Authorize starts a browser's way to Lark. who is the principal signed in there, or nil; only a binding requires one.
func (i *Identities) Authorize(action Action, locale string, who *session.Browser) (Authorization, *problem.Problem) {
	j := oauthState{secret: randomid.New(), action: action, locale: locale}

	if action == Bind {
		if who == nil {
			return Authorization{}, problem.ErrUnauthenticated
		}

		if !i.Profiles.MayBindLark(who.Principal) {
			return Authorization{}, authority.ErrReauthRequired
		}

		j.session = who.SessionID
	}

	return i.depart(j), nil
}

// AuthorizeApp starts the way to Lark of a browser that an app has opened. It returns a problem with the request if the
// server does not return to its address.
func (i *Identities) AuthorizeApp(request AppRequest) (Authorization, error) {
	if !i.Redirects.Allows(request.Redirect) {
		return Authorization{}, errRedirect
	}

	return i.depart(oauthState{secret: randomid.New(), action: App, app: request}), nil
}

func (i *Identities) depart(j oauthState) Authorization {
	state := j.sign(i.Keys, i.Now().Add(Lifetime))

	return Authorization{Cookie: j.text(), Page: i.Lark.Page(state, j.verifier(i.Keys, state))}
}

// page returns where the browser goes next, in the app, with a grant or an error.
func (r AppRequest) page(grant signin.Grant, failed *problem.Problem) string {
	address, err := url.Parse(r.Redirect)
	if err != nil {
		return r.Redirect // it was allowed, and so can be parsed
	}

	query := address.Query()
	if failed != nil {
		query.Set("error", failed.Code)
	} else {
		query.Set("code", string(grant))
	}

	if r.State != "" {
		query.Set("state", r.State)
	}

	address.RawQuery = query.Encode()

	return address.String()
}

// Callback is what a browser brings back from Lark.
type Callback struct {
	Cookie string // of the Authorization; empty if there is none
	State  string
	Code   string // empty if the user did not agree
}

// CallbackResult is the result of a callback.
type CallbackResult struct {
	Action Action           // empty if unknown
	Locale string           // that of the Authorization
	Opened *signin.Session  // the session of a sign-in
	Ticket signin.Ticket    // of a sign-in that awaits the second factor; empty otherwise
	Grant  signin.Grant     // for an app
	App    AppRequest       // of an app
	Failed *problem.Problem // nil for a success
}

// AppPage returns where the browser goes next, if an app sent it.
func (r CallbackResult) AppPage() (string, bool) {
	return r.App.page(r.Grant, r.Failed), r.Action == App
}

// HandleCallback completes an OAuth state. A problem with the callback, an outage of Lark included, is in the result; a
// returned error is a fault of the gateway.
func (i *Identities) HandleCallback(ctx context.Context, browser signin.Browser, who *session.Browser, a Callback) (CallbackResult, error) {
	j, ours := parseState(a.Cookie)

	if ours && j.action == Bind && who != nil {
		j.session = who.SessionID
	}

	if !ours || j.action == Bind && who == nil || !j.signed(i.Keys, a.State, i.Now()) {
		return CallbackResult{Failed: ErrStateInvalid}, nil
	}

	o := CallbackResult{Action: j.action, Locale: j.locale, App: j.app}

	came, err := i.handleCallback(ctx, browser, who, j, a)

	switch known, ok := errors.AsType[*problem.Problem](err); {
	case err == nil:
		_ = i.Failures.RefundNetwork(ctx) // the sign-in is done; a count one too high does no harm
		o.Opened, o.Grant = came.opened, came.grant
	case errors.Is(err, errAway):
		_ = i.Failures.RefundNetwork(ctx) // no attempt has failed
		o.Failed = problem.ErrUnavailable
	case errors.Is(err, signin.ErrTOTPRequired):
		_ = i.Failures.RefundNetwork(ctx) // the identity was right
		o.Ticket, o.Failed = came.ticket, known
	case ok && known.Kind != problem.Unavailable && known.Kind != problem.Internal:
		o.Failed = known
	default:
		_ = i.Failures.RefundNetwork(ctx) // an outage does not count

		return CallbackResult{}, err
	}

	return o, nil
}

// outcome is what a callback has led to: at most one of them is set.
type outcome struct {
	opened *signin.Session
	ticket signin.Ticket
	grant  signin.Grant
}

func (i *Identities) handleCallback(
	ctx context.Context, browser signin.Browser, who *session.Browser, j oauthState, a Callback,
) (outcome, error) {
	event := audit.Event{Method: lark.Provider}
	if j.action == Bind {
		event.AccountID, event.SessionID = who.Account.ID, who.SessionID
	}

	if err := i.markUsed(ctx, a.State); err != nil {
		return outcome{}, throttle.RecordRefusal(ctx, i.DB, i.Now(), err, event)
	}

	person, err := i.ask(ctx, j, a)
	if err != nil {
		return outcome{}, err
	}

	known, err := json.Marshal(person)
	if err != nil {
		return outcome{}, fmt.Errorf("encode identity: %w", err)
	}

	identity := signin.ExternalIdentity{Provider: lark.Provider, Subject: person.OpenID, Profile: known}

	switch j.action {
	case Bind:
		err := i.Profiles.BindLark(ctx, who.Principal, person.OpenID, known, func(context.Context, postgres.Tx) error { return nil })
		if errors.Is(err, problem.ErrTokenInvalid) {
			return outcome{}, ErrStateInvalid // the session that started has ended since
		}

		return outcome{}, err
	case App:
		grant, err := i.SignIn.Grant(ctx, identity, j.app.Challenge)

		return outcome{grant: grant}, err
	}

	opened, ticket, err := browser.WithExternalIdentity(ctx, identity)
	if err != nil {
		return outcome{ticket: ticket}, err
	}

	return outcome{opened: &opened}, nil
}

// markUsed makes a state valid once, on every replica, and counts its use against the network until it succeeds. Both
// are committed before the request to Lark, so that an attacker cannot make the gateway send requests at will.
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

// errAway reports that Lark gave no identity, for a reason that is not the user's.
var errAway = errors.New("federation: lark is unavailable")

// ask returns the user's identity at Lark.
func (i *Identities) ask(ctx context.Context, j oauthState, a Callback) (lark.Person, error) {
	if a.Code == "" {
		return lark.Person{}, ErrLarkRefused
	}

	person, err := i.Lark.Who(ctx, a.Code, j.verifier(i.Keys, a.State))

	switch {
	case errors.Is(err, lark.ErrRefused):
		return lark.Person{}, ErrLarkRefused
	case err != nil:
		i.Log.WarnContext(ctx, "lark is unavailable, or its settings are wrong", "requestId", origin.From(ctx).RequestID, "error", err.Error())

		return lark.Person{}, errAway
	}

	return person, nil
}
