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
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
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
	BrowserIdle    time.Duration `env:"BROWSER_SESSION_IDLE" envDefault:"2h" help:"A browser's session ends this long after its last renewal."`
	BrowserMax     time.Duration `env:"BROWSER_SESSION_MAX" envDefault:"720h" help:"A browser's session ends this long after its sign-in."`
	KeyRotation    time.Duration `env:"KEY_ROTATION" envDefault:"2160h" help:"A new signing key is made when the newest is this old."`

	AccountRetention time.Duration `env:"ACCOUNT_RETENTION" envDefault:"720h" help:"How long a deleted account can be restored before it is erased."`

	PasswordMinLength int      `env:"PASSWORD_MIN_LENGTH" envDefault:"8" help:"Characters of a new password at the least, 8 or more."`
	HashConcurrency   int      `env:"HASH_CONCURRENCY" help:"Password hashes computed at once; each takes 19 MiB. Default: the number of CPUs, 2 at the least."`
	EmailDomains      []string `env:"EMAIL_DOMAINS" help:"Domains whose addresses may register, separated by commas. Empty: all."`
	CodeGuessBudget   int32    `env:"CODE_GUESS_BUDGET" envDefault:"10000" help:"Failed one-time codes a day, over all accounts, before codes are refused."`

	FailuresFree    int           `env:"FAILURES_FREE" envDefault:"5" help:"Failures of a person with one factor, in a row, that cost no wait."`
	FailureDelay    time.Duration `env:"FAILURE_DELAY" envDefault:"30s" help:"The wait after them; it doubles with each further failure."`
	FailureDelayMax time.Duration `env:"FAILURE_DELAY_MAX" envDefault:"1h" help:"Where the doubling ends."`
	NetworkFailures int32         `env:"NETWORK_FAILURES" envDefault:"100" help:"Failures of one client address, or /64, in an hour."`

	SendCooldown time.Duration `env:"SEND_COOLDOWN" envDefault:"1m" help:"Between two codes to one destination for one purpose."`
	SendsPerHour int32         `env:"SENDS_PER_HOUR" envDefault:"5" help:"Codes to one destination for one purpose in an hour."`
	SendsPerDay  int32         `env:"SENDS_PER_DAY" envDefault:"20" help:"The same in a day."`
	NetworkSends int32         `env:"NETWORK_SENDS" envDefault:"60" help:"Codes that one client address, or /64, may ask for in an hour."`

	SMSPerDay int32 `env:"SMS_PER_DAY" envDefault:"2000" help:"Text messages in a day, over all numbers: each costs money."`

	TOTPSignIn         bool   `env:"TOTP_SIGN_IN" envDefault:"true" help:"Whether a code of an authenticator app signs in by itself, as documented."`
	TOTPIssuer         string `env:"TOTP_ISSUER" envDefault:"Toolkit" help:"What authenticator apps show beside the account."`
	TOTPGuessBudget    int32  `env:"TOTP_GUESS_BUDGET" envDefault:"3333" help:"Failed authenticator codes a day, over all accounts, before they are refused."`
	EmailChangeConfirm bool   `env:"EMAIL_CHANGE_CONFIRM" envDefault:"true" help:"Whether a new e-mail address counts only after a code that was sent to it came back."`

	UploadType  string `env:"UPLOAD_TYPE" envDefault:"cos" help:"What GET /options?type=upload answers as type."`
	UploadURL   string `env:"UPLOAD_URL" help:"Where clients upload to; what GET /options?type=upload answers as url. Empty: that type is not configured."`
	UploadLimit int64  `env:"UPLOAD_LIMIT" envDefault:"5120000" help:"The largest upload, in bytes."`

	Origins          []string `env:"CORS_ORIGINS" help:"Other origins whose pages may call the public surface with cookies, as in https://console.example.com, separated by commas. Empty: none."`
	XSRFCookieDomain string   `env:"XSRF_COOKIE_DOMAIN" help:"The Domain of the XSRF cookie, for a console on a sister host. Empty: this host only."`
	ServerName       string   `env:"SERVER_NAME" help:"What GET / answers as name. Default: the host's name."`

	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES" help:"Networks of the proxies in front, as in 10.0.0.0/8, whose X-Forwarded-For is believed. Empty: none."`

	GeoFile string `env:"GEO_FILE" help:"A file in MaxMind's format (GeoLite2-City.mmdb, or DB-IP's) that says where sign-ins came from. Empty: nobody knows."`

	SMTPURL  string `env:"SMTP_URL" secret:"true" help:"The mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…:465. ?tls=none or ?tls=optional after smtp:// for a relay on the same machine."`
	MailFrom string `env:"MAIL_FROM" envDefault:"Toolkit <no-reply@localhost>" help:"The sender of mails."`

	SMSURL           string   `env:"SMS_URL" secret:"true" help:"How text messages go: tencent://SecretId:SecretKey@sms.tencentcloudapi.com/ap-guangzhou, or https://… of a webhook of your own. Empty: nowhere."`
	SMSWebhookSecret string   `env:"SMS_WEBHOOK_SECRET" secret:"true" help:"Signs the calls of that webhook as Standard Webhooks does: whsec_ and 24 to 64 random bytes in base64."`
	SMSAppID         string   `env:"SMS_APP_ID" help:"Tencent Cloud: the SdkAppId, as in 1400006666."`
	SMSSignName      string   `env:"SMS_SIGN_NAME" help:"Tencent Cloud: the approved signature, without the brackets. The Chinese mainland requires one."`
	SMSTemplates     []string `env:"SMS_TEMPLATES" help:"Tencent Cloud: the approved templates, as in sign_in_code:1110,phone_code:1111, in which {1} is the code and {2} its minutes. sign_in_code_global and phone_code_global are for numbers outside the Chinese mainland, which get no message without."`

	LarkAppID        string `env:"LARK_APP_ID" help:"The app at Lark (Feishu) with which people sign in, as in cli_a5ca35a685b0x26e; PUBLIC_URL/lark has to be one of its redirect URLs. Empty: nobody can sign in with Lark."`
	LarkAppSecret    string `env:"LARK_APP_SECRET" secret:"true" help:"The secret of that app."`
	LarkURL          string `env:"LARK_URL" envDefault:"https://open.feishu.cn" help:"Lark's API; https://open.larksuite.com outside of the Chinese mainland."`
	LarkAuthorizeURL string `env:"LARK_AUTHORIZE_URL" envDefault:"https://accounts.feishu.cn/open-apis/authen/v1/authorize" help:"Lark's page where people agree; https://accounts.larksuite.com/open-apis/authen/v1/authorize outside of the Chinese mainland."`
	ConsoleURL       string `env:"CONSOLE_URL" help:"Where the browser console is, to which people come back from Lark. Default: PUBLIC_URL."`

	WebhookNetworks []netip.Prefix `env:"WEBHOOK_PRIVATE_NETWORKS" help:"Private networks in which webhooks may be, as in 10.1.2.0/24, separated by commas. Empty: webhooks are on the Internet only."`

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
// fills that in by itself, and for showing the settings: with an error it answers what could be read.
func Read(environment map[string]string) (Config, error) {
	var c Config
	unreadable := env.ParseWithOptions(&c, env.Options{Environment: environment})

	if c.HashConcurrency == 0 {
		c.HashConcurrency = max(2, runtime.NumCPU())
	}

	if c.PublicURL == "" {
		if _, port, err := net.SplitHostPort(c.Addr); err == nil {
			c.PublicURL = "http://localhost:" + port
		}
	}

	c.PublicURL = strings.TrimRight(c.PublicURL, "/")

	if c.ConsoleURL == "" {
		c.ConsoleURL = c.PublicURL
	}

	c.ConsoleURL = strings.TrimRight(c.ConsoleURL, "/")
	c.LarkURL = strings.TrimRight(c.LarkURL, "/")

	if unreadable != nil {
		return c, settingErrors(unreadable)
	}

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
			faults = append(faults, fmt.Errorf("%s: not %s", names[parse.Name], inWords(parse.Type)))
		} else {
			faults = append(faults, errors.New("a setting cannot be read"))
		}
	}

	return errors.Join(faults...)
}

// inWords is what a setting of the type should have been.
func inWords(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration such as 90s, 15m or 720h"
	case reflect.TypeFor[slog.Level]():
		return "a log level: DEBUG, INFO, WARN or ERROR"
	case reflect.TypeFor[netip.Prefix](), reflect.TypeFor[[]netip.Prefix]():
		return "networks such as 10.0.0.0/8, separated by commas"
	}

	if t.Kind() == reflect.Bool {
		return "true or false"
	}

	return "a whole number, or too large"
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

	if c.AccountRetention < 0 {
		fault("ACCOUNT_RETENTION: must not be negative")
	}

	if c.BrowserIdle < time.Minute || c.BrowserMax < c.BrowserIdle {
		fault("BROWSER_SESSION_IDLE and BROWSER_SESSION_MAX: must be at least 1m, and BROWSER_SESSION_IDLE at most BROWSER_SESSION_MAX")
	}

	if c.TOTPGuessBudget < 1 || c.TOTPGuessBudget > 3333 {
		fault("TOTP_GUESS_BUDGET: must be between 1 and 3333; beyond it six digits are too few")
	}

	if c.UploadLimit < 1 {
		fault("UPLOAD_LIMIT: must be at least 1")
	}

	if c.SendCooldown < time.Second || c.SendCooldown > time.Hour {
		fault("SEND_COOLDOWN: must be between 1s and 1h")
	}

	if c.SendsPerHour < 1 || c.SendsPerDay < 1 || c.NetworkSends < 1 || c.SMSPerDay < 1 {
		fault("SENDS_PER_HOUR, SENDS_PER_DAY, NETWORK_SENDS and SMS_PER_DAY: must be at least 1")
	}

	if c.FailuresFree < 1 || c.FailuresFree > 100 || c.NetworkFailures < 1 {
		fault("FAILURES_FREE: must be between 1 and 100; NETWORK_FAILURES: at least 1")
	}

	if c.FailureDelay < time.Second || c.FailureDelayMax < c.FailureDelay || c.FailureDelayMax > 24*time.Hour {
		fault("FAILURE_DELAY and FAILURE_DELAY_MAX: must be between 1s and 24h, and FAILURE_DELAY at most FAILURE_DELAY_MAX")
	}

	if c.XSRFCookieDomain != "" && !hostName.MatchString(c.XSRFCookieDomain) {
		fault("XSRF_COOKIE_DOMAIN: not a host name in lower case, as in example.com")
	}

	for _, origin := range c.Origins {
		if !isOrigin(origin) {
			fault("CORS_ORIGINS: %q is not of the form https://host, in lower case and without a port that goes without saying", origin)
		}
	}

	faults = append(faults, c.smsFaults()...)
	faults = append(faults, c.larkFaults()...)

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

// isOrigin says that a browser would send the text as it is (RFC 6454, section 6.2).
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != text || text != strings.ToLower(text) {
		return false
	}

	return u.Scheme == "https" && u.Port() != "443" || u.Scheme == "http" && u.Port() != "80"
}

// hostName is one that a cookie may be set for.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+$`)

// Setting is one line of the list of settings.
type Setting struct {
	Name    string
	Default string
	Value   string // masked where it is a secret
	Secret  bool
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
			Secret:  field.Tag.Get("secret") == "true",
			Help:    field.Tag.Get("help"),
		}

		switch {
		case setting.Secret && !v.IsZero():
			setting.Value = "(set)"
		case v.Kind() == reflect.Slice:
			setting.Value = strings.ReplaceAll(strings.Trim(setting.Value, "[]"), " ", ",")
		}

		list = append(list, setting)
	}

	return list
}
