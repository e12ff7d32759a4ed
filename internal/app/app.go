// Package app is the composition root: the one place that sees everything, and puts it together. It
// decides nothing about accounts, and holds no state that another replica would need.
package app

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	document "github.com/konec/toolkit-gateway/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/firstrun"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/identity"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/domain/recovery"
	"github.com/konec/toolkit-gateway/internal/domain/registration"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/domain/timeline"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/domain/transfer"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/caller"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/standardwebhook"
	"github.com/konec/toolkit-gateway/internal/platform/xsrf"
	"github.com/konec/toolkit-gateway/internal/surface/admin"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
	"github.com/konec/toolkit-gateway/internal/surface/public"
	"github.com/konec/toolkit-gateway/internal/surface/toolkit"
)

// Options are what an App is made of beside its settings.
type Options struct {
	Config config.Config
	Log    *slog.Logger
	Now    func() time.Time // time.Now, but for tests
	Tracer pgx.QueryTracer  // sees every statement; nil but for tests
	Inbox  *inbox.Inbox     // development mode: where mail is shown; nil in release mode

	// HashCost is what a new hash of a password costs: password.Standard if it is zero, as everywhere but in tests.
	HashCost password.Cost
}

// App is one running gateway.
type App struct {
	config config.Config
	log    *slog.Logger
	now    func() time.Time

	db       *postgres.DB
	jobs     *river.Client[pgx.Tx]
	places   *geo.Locator
	metrics  *metrics
	firstRun *firstrun.FirstRun

	// What the operator's commands use too.
	Accounts  *account.Accounts
	Groups    *group.Groups
	Keys      *token.Keys
	Chain     *audit.Chain
	Transfers *transfer.Transfer
	Hasher    *password.Hasher
	Passwords password.Policy

	handler http.Handler
	private http.Handler

	started  atomic.Bool // keys are loaded, and the workers run
	draining atomic.Bool
	stop     context.CancelFunc
	done     chan struct{} // closed when the background work has ended
}

// New puts the gateway together. It fails where a setting or the document is wrong. A database that
// is away is no reason to fail: readiness says so, and Start goes on trying.
func New(ctx context.Context, o Options) (*App, error) {
	c := o.Config

	master, err := keyring.Parse(c.MasterKey)
	if err != nil {
		return nil, fmt.Errorf("MASTER_KEY: %w", err)
	}

	database, err := postgres.Open(ctx, postgres.Options{URL: c.DatabaseURL, MaxConns: c.DatabaseMaxConns, Tracer: o.Tracer})
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}

	a := &App{config: c, log: o.Log, now: o.Now, db: database, Passwords: password.Policy{MinLength: c.PasswordMinLength}}

	a.Hasher, err = password.NewHasher(c.HashConcurrency, cmp.Or(o.HashCost, password.Standard))
	if err != nil {
		return nil, err
	}

	a.places, err = geo.Open(c.GeoFile, o.Log, o.Now)
	if err != nil {
		return nil, fmt.Errorf("GEO_FILE: %w", err)
	}

	domains, err := normalDomains(c.EmailDomains)
	if err != nil {
		return nil, err
	}

	queue, err := delivery.NewQueue(database, master, o.Now)
	if err != nil {
		return nil, err
	}

	a.Keys = token.NewKeys(database, master, c.AccessLifetime, o.Now)
	a.Accounts = account.New(database, queue, o.Now)
	a.Groups = group.New(database, o.Now)
	a.Transfers = transfer.New(transfer.Deps{DB: database, Keys: master, Now: o.Now})
	a.Chain = audit.NewChain(database, master, o.Log, o.Now)
	a.metrics = newMetrics(database)
	a.metrics.showSealing(a.Chain)

	codes := code.New(database, master, c.CodeGuessBudget, o.Now)
	sessions := session.New(session.Deps{
		DB:       database,
		Access:   token.NewAccess(a.Keys, c.PublicURL, c.TokenAudience, o.Now),
		Refresh:  token.NewRefresh(master),
		Codes:    codes,
		Queue:    queue,
		Limits:   session.Limits{Idle: c.SessionIdle, Absolute: c.SessionMax, PerUser: c.SessionLimit},
		Browsers: session.Limits{Idle: c.BrowserIdle, Absolute: c.BrowserMax, PerUser: c.SessionLimit},
		Now:      o.Now,
	})
	failures := throttle.NewFailures(database, throttle.Patience{
		Free: c.FailuresFree, First: c.FailureDelay, Longest: c.FailureDelayMax, Network: c.NetworkFailures,
	}, o.Now)
	challenges := challenge.New(challenge.Deps{
		DB: database, Codes: codes, Queue: queue, Failures: failures, SMSSpent: a.smsSpent, Now: o.Now,
		Limits: challenge.Limits{Cooldown: c.SendCooldown, PerHour: c.SendsPerHour, PerDay: c.SendsPerDay, Network: c.NetworkSends, SMSDay: c.SMSPerDay},
	})
	factors := factor.New(factor.Deps{DB: database, Keys: master, Issuer: c.TOTPIssuer, Budget: c.TOTPGuessBudget, Now: o.Now})
	registrations := registration.New(registration.Deps{
		DB: database, Challenges: challenges, Hasher: a.Hasher, Policy: a.Passwords, Domains: domains, Now: o.Now,
	})
	signIn := signin.New(signin.Deps{
		DB: database, Hasher: a.Hasher, Challenges: challenges, Factors: factors, Sessions: sessions,
		Failures: failures, Queue: queue, TOTP: c.TOTPSignIn, Now: o.Now,
	})

	recoveries := recovery.New(recovery.Deps{
		DB: database, Challenges: challenges, Sessions: sessions, Queue: queue, Hasher: a.Hasher, Policy: a.Passwords, Now: o.Now,
	})

	emailPage := c.PublicURL + "/confirm_email"
	profiles := profile.New(profile.Deps{
		DB: database, Sessions: sessions, Challenges: challenges, Codes: codes, Keys: master, Factors: factors, Queue: queue,
		Hasher: a.Hasher, Policy: a.Passwords, Failures: failures, EmailAllowed: registrations.Allowed, EmailPage: emailPage,
		TOTPSignIn: c.TOTPSignIn, Now: o.Now,
	})
	larkSettings := public.Lark{AppID: c.LarkAppID, Authorize: c.PublicURL + "/lark/authorize", Redirect: c.PublicURL + "/lark"}
	identities := identity.New(identity.Deps{
		DB: database, Keys: master, Profiles: profiles, Failures: failures, Log: o.Log, Now: o.Now,
		Lark: lark.New(lark.Settings{
			AppID: c.LarkAppID, AppSecret: c.LarkAppSecret, URL: c.LarkURL, AuthorizeURL: c.LarkAuthorizeURL, Redirect: larkSettings.Redirect,
		}),
	})

	a.firstRun = firstrun.New(firstrun.Deps{
		DB: database, Codes: codes, Hasher: a.Hasher, Policy: a.Passwords, EmailAllowed: registrations.Allowed, Now: o.Now,
	})

	served := surfaces{
		Toolkit: toolkit.New(signIn, sessions, registrations, a.places),
		Public: public.New(public.Deps{
			SignIn: signIn, Sessions: sessions, XSRF: xsrf.New(master), Log: audit.NewReader(database), Places: a.places, Now: o.Now,
			Profiles: profiles, Identities: identities,
			Recovery: recoveries, FirstRun: a.firstRun,
			Settings: public.Settings{
				ServerName: c.ServerName, Values: shownValues(c), XSRFCookieDomain: c.XSRFCookieDomain, SessionLifetime: c.BrowserIdle,
				ConfirmEmail: c.EmailChangeConfirm, EmailPage: emailPage, FirstRunPage: firstRunPage(c),
				Upload: public.Upload{Type: c.UploadType, URL: c.UploadURL, Limit: c.UploadLimit},
				Lark:   larkSettings, ConsoleURL: c.ConsoleURL,
			},
		}),
	}

	reach := standardwebhook.Reach{Inside: c.WebhookNetworks, Local: c.Mode == config.Development}

	webhooks, err := webhook.New(webhook.Deps{DB: database, Keys: master, Reach: reach, Now: o.Now})
	if err != nil {
		return nil, err
	}

	a.Chain.OnSeal(webhooks.FanOut)

	events, messages := audit.NewReader(database), delivery.NewLog(database)
	served.Admin = admin.New(admin.Deps{
		Accounts: a.Accounts, Groups: a.Groups, Sessions: sessions, Events: events, Messages: messages, Places: a.places,
		Codes: admin.Codes{Registration: registrations.SendCode, Reset: recoveries.SendCode}, Retention: c.AccountRetention, Now: o.Now,
		Record: func(ctx context.Context, by caller.Caller, event audit.Event) error {
			return audit.RecordAlone(ctx, database, o.Now(), by, event)
		},
		Timelines: timeline.New(timeline.Deps{DB: database, Accounts: a.Accounts, Events: events, Messages: messages, Now: o.Now}),
		Webhooks:  webhooks,
	})

	senders, err := a.senders(o.Inbox)
	if err != nil {
		return nil, err
	}

	a.jobs, err = a.newJobs(delivery.NewWorker(database, master, senders, o.Now), webhook.NewWorker(webhook.WorkerDeps{
		DB: database, Keys: master, Places: a.places, Caller: standardwebhook.NewCaller(reach), Count: a.metrics.countWebhooks(), Log: o.Log, Now: o.Now,
	}))
	if err != nil {
		return nil, err
	}

	spec, err := loadDocument()
	if err != nil {
		return nil, err
	}

	a.handler, err = a.routes(spec, served, o.Inbox)
	if err != nil {
		return nil, err
	}

	a.private = a.privateRoutes()

	return a, nil
}

// smsSpent is the alarm of the daily ceiling: either many people sign in by SMS, or somebody spends our money.
func (a *App) smsSpent() {
	a.metrics.smsSpent.Inc()
	a.log.Error("the last text message of the day is taken: nobody gets one until the day's window ends", "setting", "SMS_PER_DAY", "most", a.config.SMSPerDay)
}

// shownValues are the settings that GET / answers: none in release mode, and never a secret one.
func shownValues(c config.Config) map[string]string {
	if c.Mode == config.Release {
		return nil
	}

	values := map[string]string{}

	for _, setting := range c.Settings() {
		if !setting.Secret {
			values[setting.Name] = setting.Value
		}
	}

	return values
}

// Handler serves the API.
func (a *App) Handler() http.Handler { return a.handler }

// Private serves metrics and profiles, for a listener that nobody outside reaches.
func (a *App) Private() http.Handler { return a.private }

// normalDomains brings the domains into the form that addresses have.
func normalDomains(domains []string) ([]string, error) {
	normal := make([]string, len(domains))

	for i, domain := range domains {
		email, err := account.ParseEmail("somebody@" + strings.TrimSpace(domain))
		if err != nil {
			return nil, fmt.Errorf("EMAIL_DOMAINS: %q is not a domain", domain)
		}

		_, normal[i], _ = strings.Cut(email, "@")
	}

	return normal, nil
}

// loadDocument reads the document once a process, however many servers a test starts in it: nobody changes it.
var loadDocument = sync.OnceValues(func() (*openapi3.T, error) {
	spec, err := openapi3.NewLoader().LoadFromData(document.Document)
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}

	return spec, nil
})

// senders are how messages leave: by SMTP and SMS where those are configured, and into the inbox.
func (a *App) senders(box *inbox.Inbox) (map[delivery.Channel]delivery.Sender, error) {
	senders := map[delivery.Channel]delivery.Sender{}

	if a.config.SMTPURL != "" {
		smtp, err := delivery.NewSMTP(a.config.SMTPURL, a.config.MailFrom)
		if err != nil {
			return nil, fmt.Errorf("SMTP_URL, MAIL_FROM: %w", err)
		}

		senders[delivery.Mail] = smtp
	} else if box == nil {
		a.log.Warn("SMTP_URL is not set: no mail will be sent, and nobody can register")
	}

	if a.config.SMSURL != "" {
		sms, err := delivery.NewSMS(delivery.SMSSettings{
			URL: a.config.SMSURL, WebhookSecret: a.config.SMSWebhookSecret,
			AppID: a.config.SMSAppID, SignName: a.config.SMSSignName, Templates: a.config.SMSTemplates,
		})
		if err != nil {
			return nil, fmt.Errorf("SMS_URL and the SMS settings with it: %w", err)
		}

		senders[delivery.SMS] = sms
	} else if box == nil {
		a.log.Warn("SMS_URL is not set: no text message will be sent, and nobody can use a phone")
	}

	if box != nil {
		senders[delivery.Mail] = box.After(senders[delivery.Mail])
		senders[delivery.SMS] = box.After(senders[delivery.SMS])
	}

	return senders, nil
}
