package app

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/bootstrap"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/federation"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/passwordreset"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/domain/registration"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/domain/timeline"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/domain/transfer"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/appredirect"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/outbound"
	"github.com/konec/toolkit-gateway/internal/platform/xsrf"
	"github.com/konec/toolkit-gateway/internal/surface/admin"
	"github.com/konec/toolkit-gateway/internal/surface/export"
	"github.com/konec/toolkit-gateway/internal/surface/public"
	"github.com/konec/toolkit-gateway/internal/surface/toolkit"
)

// security holds what authenticates a caller: sessions, codes, factors, and the limits on guessing.
type security struct {
	queue      *delivery.Queue
	codes      *code.Codes
	devices    *device.Devices
	sessions   *session.Sessions
	failures   *throttle.Failures
	challenges *challenge.Challenges
	factors    *factor.Factors
}

// newSecurity makes it. It sets the password hasher and policy, the signing keys and the audit chain of the App.
func (a *App) newSecurity(hashing password.Cost, share int32) (s security, err error) {
	c := a.config

	if a.Hasher, err = password.NewHasher(c.HashConcurrency, hashing); err != nil {
		return s, err
	}

	if s.queue, err = delivery.NewQueue(a.db, a.master, a.now); err != nil {
		return s, err
	}

	a.Passwords = password.Policy{MinLength: c.PasswordMinLength}
	a.Keys = token.NewKeys(a.db, a.master, c.AccessLifetime, a.now)
	a.Chain = audit.NewChain(a.db, a.master, a.log, a.now)
	a.metrics.showSealing(a.Chain)

	s.codes = code.New(a.db, a.master, code.Budget{Max: c.CodeGuessBudget, Share: share, Alarm: a.alarm}, a.now)
	s.devices = device.New(a.db, a.now)

	access := token.NewAccess(a.Keys, c.PublicURL, c.TokenAudience, a.now)
	access.Clients = c.Clients

	s.sessions = session.New(session.Deps{
		DB: a.db, Codes: s.codes, Queue: s.queue, Now: a.now,
		Access:   access,
		Refresh:  token.NewRefresh(a.master),
		Limits:   session.Limits{Idle: c.SessionIdle, Absolute: c.SessionMax, PerUser: c.SessionLimit},
		Patience: c.RefreshPatience, Room: c.RefreshWaiting, CountRival: a.metrics.rivals.Inc,
		Changes:  c.ChangesPerMinute,
		Browsers: session.Limits{Idle: c.BrowserIdle, Absolute: c.BrowserMax, PerUser: c.SessionLimit},
	})
	a.metrics.showWaiting(s.sessions)
	s.failures = throttle.NewFailures(a.db, throttle.Backoff{
		Free: c.FailuresFree, First: c.FailureDelay, Longest: c.FailureDelayMax, Network: c.NetworkFailures,
	}, a.now)
	s.challenges = challenge.New(challenge.Deps{
		DB: a.db, Codes: s.codes, Queue: s.queue, Failures: s.failures, Devices: s.devices, Alarm: a.alarm, Now: a.now,
		Limits: challenge.Limits{
			Cooldown: c.SendCooldown, PerHour: c.SendsPerHour, PerDay: c.SendsPerDay, Network: c.NetworkSends, NewPhones: c.NewPhones,
			Share: share, MailDay: c.MailsPerDay, SMSDay: c.SMSPerDay, Countries: c.SMSCountries,
			Administrator: administratorSends(c),
		},
		Budgets: []throttle.Budget{{Name: factor.BudgetName, Max: c.TOTPGuessBudget}},
	})
	s.factors = factor.New(factor.Deps{DB: a.db, Keys: a.master, Issuer: c.TOTPIssuer, Now: a.now,
		Budget: throttle.Budget{Name: factor.BudgetName, Max: c.TOTPGuessBudget, Share: share, Alarm: a.alarm},
	})

	return s, nil
}

// domain holds what the surfaces call, beside the exported fields of the App.
type domain struct {
	security

	registrations *registration.Registration
	signIn        *signin.SignIn
	recoveries    *passwordreset.Resets
	profiles      *profile.Profiles
	identities    *federation.Identities
	webhooks      *webhook.Webhooks
	webhookPolicy outbound.Policy // which addresses webhooks may have
}

// newDomain makes it. It sets the accounts, groups and transfers of the App.
func (a *App) newDomain(s security) (d domain, err error) {
	c := a.config
	d = domain{security: s, webhookPolicy: outbound.Policy{Inside: c.WebhookNetworks, Local: c.Mode == config.Development}}

	domains, err := normalDomains(c.EmailDomains)
	if err != nil {
		return d, err
	}

	a.Challenges = s.challenges
	a.Accounts = account.New(a.db, a.now)
	a.Administration = administration.New(a.db, s.queue, a.now)
	a.Administration.Sends = administratorSends(c)
	a.Groups = group.New(a.db, a.now)
	a.Transfers = transfer.New(transfer.Deps{DB: a.db, Keys: a.master, Now: a.now})

	d.registrations = registration.New(registration.Deps{
		DB: a.db, Challenges: s.challenges, Hasher: a.Hasher, Policy: a.Passwords, Domains: domains, Page: signUpPage(c), Now: a.now,
	})
	d.signIn = signin.New(signin.Deps{
		DB: a.db, Hasher: a.Hasher, Challenges: s.challenges, Codes: s.codes, Keys: a.master, Factors: s.factors, Sessions: s.sessions,
		Failures: s.failures, Devices: s.devices, Queue: s.queue, TOTP: c.TOTPSignIn, Now: a.now,
	})
	d.recoveries = passwordreset.New(passwordreset.Deps{
		DB: a.db, Challenges: s.challenges, Devices: s.devices, Sessions: s.sessions, Queue: s.queue, Hasher: a.Hasher, Policy: a.Passwords,
		Page: resetPage(c), Now: a.now,
	})
	d.profiles = profile.New(profile.Deps{
		DB: a.db, Sessions: s.sessions, Challenges: s.challenges, Codes: s.codes, Keys: a.master, Factors: s.factors, Queue: s.queue,
		Hasher: a.Hasher, Policy: a.Passwords, Failures: s.failures, EmailAllowed: d.registrations.Allowed, EmailPage: emailPage(c),
		TOTPSignIn: c.TOTPSignIn, Retention: c.AccountRetention, Now: a.now,
	})

	redirects, err := appredirect.Parse(c.AppRedirectURIs)
	if err != nil {
		return d, fmt.Errorf("APP_REDIRECT_URIS: %w", err)
	}

	d.identities = federation.New(federation.Deps{
		DB: a.db, Keys: a.master, SignIn: d.signIn, Profiles: d.profiles, Failures: s.failures, Redirects: redirects, Log: a.log, Now: a.now,
		Lark: lark.New(lark.Settings{
			AppID: c.LarkAppID, AppSecret: c.LarkAppSecret, URL: c.LarkURL, AuthorizeURL: c.LarkAuthorizeURL, Redirect: larkSettings(c).Redirect,
		}),
	})
	a.firstRun = bootstrap.New(bootstrap.Deps{
		DB: a.db, Codes: s.codes, Hasher: a.Hasher, Policy: a.Passwords, EmailAllowed: d.registrations.Allowed, Now: a.now,
	})

	if d.webhooks, err = webhook.New(webhook.Deps{DB: a.db, Keys: a.master, Policy: d.webhookPolicy, Now: a.now}); err != nil {
		return d, err
	}

	a.Chain.OnSeal(d.webhooks.FanOut)

	return d, nil
}

// administratorSends is the limit of what one administrator sends to others: invitations and codes together.
func administratorSends(c config.Config) throttle.Limit {
	return throttle.Limit{Name: "administrator send/hour", Max: c.AdminSends, Window: time.Hour}
}

// normalDomains returns the domains in the normal form of e-mail addresses.
func normalDomains(domains []string) ([]string, error) {
	normal := make([]string, len(domains))

	for i, domain := range domains {
		email, err := account.ParseEmail("user@" + strings.TrimSpace(domain))
		if err != nil {
			return nil, fmt.Errorf("EMAIL_DOMAINS: %q is not a domain", domain)
		}

		_, normal[i], _ = strings.Cut(email, "@")
	}

	return normal, nil
}

// newSurfaces makes the handlers of every documented operation.
func (a *App) newSurfaces(d domain) surfaces {
	c := a.config
	events, messages := audit.NewReader(a.db), delivery.NewLog(a.db)
	exporter := &export.Exporter{
		Profiles: d.profiles, Accounts: a.Administration, Sessions: d.sessions, Devices: d.devices, Events: events, Messages: messages,
		Places: a.places, Retention: c.AccountRetention, Now: a.now,
	}

	return surfaces{
		Toolkit: toolkit.New(toolkit.Deps{
			SignIn: d.signIn, Sessions: d.sessions, Devices: d.devices, Registrations: d.registrations, Recovery: d.recoveries, Profiles: d.profiles,
			Log: events, Exporter: exporter, Places: a.places,
		}),
		Public: public.New(public.Deps{
			SignIn: d.signIn, Sessions: d.sessions, Devices: d.devices, XSRF: xsrf.New(a.master), Log: events, Exporter: exporter, Places: a.places, Now: a.now,
			Profiles: d.profiles, Identities: d.identities, Recovery: d.recoveries, Registrations: d.registrations, FirstRun: a.firstRun,
			Settings: public.Settings{
				ServerName: c.ServerName, Values: shownValues(c), Host: publicHost(c), XSRFCookieDomain: c.XSRFCookieDomain, SessionLifetime: c.BrowserIdle,
				ConfirmEmail: c.EmailChangeConfirm, EmailPage: emailPage(c), FirstRunPage: firstRunPage(c), ResetPage: resetPage(c), SignUpPage: signUpPage(c),
				Upload: public.Upload{Type: c.UploadType, URL: c.UploadURL, Limit: c.UploadLimit},
				Lark:   larkSettings(c), ConsoleURL: c.ConsoleURL,
			},
		}),
		Admin: admin.New(admin.Deps{
			Accounts: a.Administration, Groups: a.Groups, Sessions: d.sessions, Events: events, Messages: messages, Places: a.places,
			Codes: admin.CodeSenders{Registration: d.registrations.SendCode, Reset: d.recoveries.SendCode}, Retention: c.AccountRetention, Now: a.now,
			Timelines: timeline.New(timeline.Deps{DB: a.db, Accounts: a.Administration, Challenges: d.challenges, Events: events, Messages: messages, Now: a.now}),
			Webhooks:  d.webhooks,
			Limits:    administration.NewLimits(administration.LimitsDeps{DB: a.db, Challenges: d.challenges, Failures: d.failures, Now: a.now}),
		}),
	}
}

// publicHost returns the host of the server's own address.
func publicHost(c config.Config) string {
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return ""
	}

	return u.Hostname()
}

// emailPage returns the URL of the page that confirms a new e-mail address.
func emailPage(c config.Config) string { return c.PublicURL + "/confirm_email" }

// firstRunPage returns the URL of the page that creates the first administrator.
func firstRunPage(c config.Config) string { return c.PublicURL + "/first_run" }

// resetPage returns the URL of the page behind the link in a mail with a reset code.
func resetPage(c config.Config) string { return c.PublicURL + "/reset" }

// signUpPage returns the URL of the page behind the link in a mail with a registration code.
func signUpPage(c config.Config) string { return c.PublicURL + "/sign-up" }

func larkSettings(c config.Config) public.Lark {
	return public.Lark{AppID: c.LarkAppID, Authorize: c.PublicURL + "/lark/authorize", Redirect: c.PublicURL + "/lark"}
}

// shownValues returns the settings that GET / shows: none in release mode, and never a secret.
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
