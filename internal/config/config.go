// Package config reads every setting from the environment, into one struct, and refuses what
// cannot work. It is the only place that reads the environment.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/konec/toolkit-gateway/internal/keyring"
)

// The modes.
const (
	Release     = "release"
	Development = "development"
)

// DefaultAddr is ADDR where nothing else is said.
const DefaultAddr = ":8080"

// Config is every setting. The tag help is what `toolkit-gateway config` and the README say.
type Config struct {
	Mode      string `env:"MODE" envDefault:"release" help:"release, or development: an inbox page in place of a mail server, readable logs."`
	Addr      string `env:"ADDR" envDefault:":8080" help:"Where the API listens. Development mode listens on localhost only, unless this is set."`
	Private   string `env:"PRIVATE_ADDR" help:"Where /metrics and /debug/pprof listen, as in 127.0.0.1:9090. Empty: nowhere. Never make it public."`
	PublicURL string `env:"PUBLIC_URL" help:"The address that clients use, as in https://gateway.example.com; the iss of every token. Default: http://localhost and the port of ADDR."`

	DatabaseURL      string `env:"DATABASE_URL" secret:"true" help:"postgres://… of the database. Required in release mode."`
	DatabaseMaxConns int32  `env:"DATABASE_MAX_CONNS" envDefault:"20" help:"Connections of this server at the most."`

	MasterKey string `env:"MASTER_KEY" secret:"true" help:"32 random bytes in base64 (openssl rand -base64 32), from which every other key is derived. Several as ID:KEY,ID:KEY, the current one first, to change it. Required in release mode."`

	TokenAudience  string        `env:"TOKEN_AUDIENCE" envDefault:"toolkit" help:"The aud of access tokens."`
	AccessLifetime time.Duration `env:"ACCESS_TOKEN_LIFETIME" envDefault:"1h" help:"How long an access token lives."`
	SessionIdle    time.Duration `env:"SESSION_IDLE" envDefault:"720h" help:"A session ends this long after its last refresh."`
	SessionMax     time.Duration `env:"SESSION_MAX" envDefault:"4320h" help:"A session ends this long after its sign-in."`
	SessionLimit   int32         `env:"SESSION_LIMIT" envDefault:"20" help:"Sessions of an account at the most; the one idle the longest makes room."`
	KeyRotation    time.Duration `env:"KEY_ROTATION" envDefault:"2160h" help:"A new signing key is made when the newest is this old."`

	PasswordMinLength int      `env:"PASSWORD_MIN_LENGTH" envDefault:"8" help:"Characters of a new password at the least, 8 or more."`
	HashConcurrency   int      `env:"HASH_CONCURRENCY" help:"Password hashes computed at once; each takes 19 MiB. Default: the number of CPUs, 2 at the least."`
	EmailDomains      []string `env:"EMAIL_DOMAINS" help:"Domains whose addresses may register, separated by commas. Empty: all."`
	CodeGuessBudget   int32    `env:"CODE_GUESS_BUDGET" envDefault:"10000" help:"Failed one-time codes a day, over all accounts, before codes are refused."`

	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES" help:"Networks of the proxies in front, as in 10.0.0.0/8, whose X-Forwarded-For is believed. Empty: none."`

	SMTPURL  string `env:"SMTP_URL" secret:"true" help:"The mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…:465. ?tls=none or ?tls=optional after smtp:// for a relay on the same machine."`
	MailFrom string `env:"MAIL_FROM" envDefault:"Toolkit <no-reply@localhost>" help:"The sender of mails."`

	LogLevel      slog.Level    `env:"LOG_LEVEL" envDefault:"INFO" help:"DEBUG, INFO, WARN or ERROR. INFO logs each request."`
	ShutdownDelay time.Duration `env:"SHUTDOWN_DELAY" envDefault:"3s" help:"After SIGTERM: how long /readyz says no before connections are refused, so that a load balancer notices. Development mode does not wait."`
	DevDir        string        `env:"DEV_DIR" envDefault:".dev" help:"Where development mode keeps its private Postgres and its key."`
}

// Load reads the environment, as a map from name to value, and checks it.
func Load(environment map[string]string) (Config, error) {
	c, err := Read(environment)
	if err != nil {
		return Config{}, err
	}

	return c, c.Check()
}

// Read reads the environment without asking for what is required, for development mode, which
// fills that in by itself, and for showing the settings.
func Read(environment map[string]string) (Config, error) {
	var c Config
	if err := env.ParseWithOptions(&c, env.Options{Environment: environment}); err != nil {
		return Config{}, settingErrors(err)
	}

	if c.HashConcurrency == 0 {
		c.HashConcurrency = max(2, runtime.NumCPU())
	}

	if c.PublicURL == "" {
		if _, port, err := net.SplitHostPort(c.Addr); err == nil {
			c.PublicURL = "http://localhost:" + port
		}
	}

	c.PublicURL = strings.TrimRight(c.PublicURL, "/")

	return c, nil
}

// settingErrors names the settings, and never their values: one may be a secret.
func settingErrors(err error) error {
	aggregate, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return errors.New("the environment cannot be read")
	}

	names := map[string]string{}

	for field := range reflect.TypeFor[Config]().Fields() {
		names[field.Name] = field.Tag.Get("env")
	}

	var faults []error

	for _, one := range aggregate.Errors {
		if parse, ok := errors.AsType[env.ParseError](one); ok {
			faults = append(faults, fmt.Errorf("%s: not a %s", names[parse.Name], parse.Type))
		} else {
			faults = append(faults, errors.New("a setting cannot be read"))
		}
	}

	return errors.Join(faults...)
}

// Check names every setting that cannot work, or that is required and missing.
func (c Config) Check() error {
	var faults []error

	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	if c.Mode != Release && c.Mode != Development {
		fault("MODE: %q is neither release nor development", c.Mode)
	}

	if c.DatabaseURL == "" {
		fault("DATABASE_URL: required; `toolkit-gateway dev` needs none, it runs a private Postgres")
	}

	if c.MasterKey == "" {
		fault("MASTER_KEY: required; make one with: openssl rand -base64 32")
	} else if _, err := keyring.Parse(c.MasterKey); err != nil {
		fault("MASTER_KEY: %w", err)
	}

	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		fault("ADDR: not of the form host:port")
	}

	if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		fault("PUBLIC_URL: not of the form https://host")
	}

	if c.PasswordMinLength < 8 || c.PasswordMinLength > 64 {
		fault("PASSWORD_MIN_LENGTH: must be between 8 and 64")
	}

	if c.HashConcurrency < 1 || c.HashConcurrency > 1024 {
		fault("HASH_CONCURRENCY: must be between 1 and 1024")
	}

	if c.DatabaseMaxConns < 1 {
		fault("DATABASE_MAX_CONNS: must be at least 1")
	}

	if c.AccessLifetime < time.Minute || c.AccessLifetime > 24*time.Hour {
		fault("ACCESS_TOKEN_LIFETIME: must be between 1m and 24h")
	}

	if c.SessionIdle < c.AccessLifetime || c.SessionMax < c.SessionIdle {
		fault("SESSION_IDLE and SESSION_MAX: must be at least ACCESS_TOKEN_LIFETIME, and SESSION_IDLE at most SESSION_MAX")
	}

	if c.SessionLimit < 1 {
		fault("SESSION_LIMIT: must be at least 1")
	}

	if c.KeyRotation < time.Hour {
		fault("KEY_ROTATION: must be at least 1h, as often as anybody looks")
	}

	if c.ShutdownDelay < 0 || c.ShutdownDelay > time.Minute {
		fault("SHUTDOWN_DELAY: must be between 0s and 1m")
	}

	if c.CodeGuessBudget < 1 || c.CodeGuessBudget > 10_000 {
		fault("CODE_GUESS_BUDGET: must be between 1 and 10000; beyond it six digits are too few")
	}

	return errors.Join(faults...)
}

// Setting is one line of the list of settings.
type Setting struct {
	Name    string
	Default string
	Value   string // masked where it is a secret
	Help    string
}

// Settings lists every setting, in the order of Config.
func (c Config) Settings() []Setting {
	value := reflect.ValueOf(c)

	var list []Setting

	for field, v := range value.Fields() {
		setting := Setting{
			Name:    field.Tag.Get("env"),
			Default: field.Tag.Get("envDefault"),
			Value:   fmt.Sprint(v.Interface()),
			Help:    field.Tag.Get("help"),
		}

		switch {
		case field.Tag.Get("secret") == "true" && !v.IsZero():
			setting.Value = "(set)"
		case v.Kind() == reflect.Slice:
			setting.Value = strings.ReplaceAll(strings.Trim(setting.Value, "[]"), " ", ",")
		}

		list = append(list, setting)
	}

	return list
}
