// Package config reads every setting from the environment into one struct, and rejects what cannot work. It never reads
// the environment itself: main passes it.
package config

import (
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// The modes.
const (
	Release     = "release"
	Development = "development"
)

// DefaultAddr is the default of ADDR.
const DefaultAddr = ":8080"

// Config holds every setting. `toolkit-gateway config` and docs/operate.md show the help tags.
type Config struct {
	Mode            string `env:"MODE" envDefault:"release" help:"Run mode: release or development. In development mode an inbox page takes the place of the mail server, and logs are plain text."`
	Addr            string `env:"ADDR" envDefault:":8080" help:"Listen address of the API. Unless it is set, development mode listens on localhost only."`
	Private         string `env:"PRIVATE_ADDR" help:"Listen address of /metrics and /debug/pprof, for example 127.0.0.1:9090. Empty: disabled. Never expose it to the public."`
	PrivateAnywhere bool   `env:"PRIVATE_ADDR_PUBLIC" envDefault:"false" help:"Whether PRIVATE_ADDR may be an address that is neither loopback nor private: profiles then show secrets in memory to everyone who reaches it."`
	PublicURL       string `env:"PUBLIC_URL" help:"Base URL that clients use, for example https://gateway.example.com; the issuer (iss) of every token. http:// is for development mode and loopback hosts only. Default: http://localhost and the port of ADDR."`

	DatabaseURL      string `env:"DATABASE_URL" secret:"true" help:"Connection URL of the database, postgres://…. Required in release mode."`
	DatabasePooler   string `env:"DATABASE_POOLER" envDefault:"none" help:"Pooler in front of the database, such as PgBouncer, by how it shares connections (pool_mode): none, session or transaction."`
	DatabaseMaxConns int32  `env:"DATABASE_MAX_CONNS" envDefault:"20" help:"Maximum number of database connections of this server."`

	MasterKey string `env:"MASTER_KEY" secret:"true" help:"32 random bytes in base64 (openssl rand -base64 32), from which every other key is derived. To change it, set several as ID:KEY,ID:KEY, the current one first. Required in release mode."`

	TokenAudience   string        `env:"TOKEN_AUDIENCE" envDefault:"toolkit" help:"Audience (aud) of access tokens."`
	Clients         []string      `env:"CLIENTS" envDefault:"mobile,desktop,studio,web" help:"Names by which apps may call themselves in the header X-Client, separated by commas. Access tokens name the app as client_id; every other one is toolkit."`
	ClientsMinimum  []string      `env:"CLIENTS_MINIMUM" help:"Minimum versions of apps, such as studio=2.3,mobile=4.1. An app that names itself in the header X-Client and is older, or does not say its version, gets UPGRADE_REQUIRED when its user signs in or registers. Sessions go on."`
	AccessLifetime  time.Duration `env:"ACCESS_TOKEN_LIFETIME" envDefault:"1h" help:"Lifetime of an access token."`
	SessionIdle     time.Duration `env:"SESSION_IDLE" envDefault:"720h" help:"Idle timeout of a session, counted from its last refresh."`
	SessionMax      time.Duration `env:"SESSION_MAX" envDefault:"4320h" help:"Maximum lifetime of a session, counted from its sign-in."`
	RefreshPatience time.Duration `env:"REFRESH_PATIENCE" envDefault:"40s" help:"How long a refresh waits for the database: longer than a failover takes. Proxies must wait 20 seconds longer."`
	RefreshWaiting  int           `env:"REFRESH_WAITING" envDefault:"20000" help:"Maximum number of refreshes that wait for the database at once. Each takes about 20 kB."`
	SessionLimit    int32         `env:"SESSION_LIMIT" envDefault:"20" help:"Maximum number of sessions of an account. A further sign-in ends the session that has been idle the longest."`
	BrowserIdle     time.Duration `env:"BROWSER_SESSION_IDLE" envDefault:"2h" help:"Idle timeout of a browser session, counted from its last renewal."`
	BrowserMax      time.Duration `env:"BROWSER_SESSION_MAX" envDefault:"720h" help:"Maximum lifetime of a browser session, counted from its sign-in."`
	KeyRotation     time.Duration `env:"KEY_ROTATION" envDefault:"2160h" help:"Age of the newest signing key at which a new one is created."`

	AccountRetention time.Duration `env:"ACCOUNT_RETENTION" envDefault:"720h" help:"Time for which a deleted account can be restored. Then it is erased."`

	PasswordMinLength int      `env:"PASSWORD_MIN_LENGTH" envDefault:"8" help:"Minimum length of a new password, in characters; not below 8."`
	HashConcurrency   int      `env:"HASH_CONCURRENCY" help:"Maximum number of password hashes computed at once; each takes 19 MiB. Default: the number of CPUs, at least 2."`
	EmailDomains      []string `env:"EMAIL_DOMAINS" help:"E-mail domains whose addresses may register, separated by commas. Empty: all."`
	CodeGuessBudget   int32    `env:"CODE_GUESS_BUDGET" envDefault:"3333" help:"Maximum number of failed guesses per day at codes to sign in by SMS, the same at mailed codes to sign in, and the same at codes to reset a password, over all accounts. One network may make a hundredth of them. Beyond it codes are accepted from known devices only; the link in a mail still works."`

	FailuresFree    int           `env:"FAILURES_FREE" envDefault:"5" help:"Number of consecutive failures of one user with one factor that cause no delay."`
	FailureDelay    time.Duration `env:"FAILURE_DELAY" envDefault:"30s" help:"Delay after these failures. It doubles with each further failure."`
	FailureDelayMax time.Duration `env:"FAILURE_DELAY_MAX" envDefault:"1h" help:"Maximum of this delay."`
	NetworkFailures int32         `env:"NETWORK_FAILURES" envDefault:"100" help:"Maximum number of failures per hour from one client address (IPv6: one /64). Wider networks: four times (/24, /56), sixteen times (/48)."`

	SendCooldown time.Duration `env:"SEND_COOLDOWN" envDefault:"1m" help:"Minimum time between two codes to one destination for one purpose."`
	SendsPerHour int32         `env:"SENDS_PER_HOUR" envDefault:"5" help:"Maximum number of codes per hour to one destination for one purpose."`
	SendsPerDay  int32         `env:"SENDS_PER_DAY" envDefault:"120" help:"Maximum number of codes per day to one destination for one purpose."`
	NetworkSends int32         `env:"NETWORK_SENDS" envDefault:"60" help:"Maximum number of codes per hour requested from one client address (IPv6: one /64). Wider networks: four times (/24, /56), sixteen times (/48)."`
	AdminSends   int32         `env:"ADMIN_SENDS" envDefault:"100" help:"Maximum number of invitations and codes per hour that one administrator sends to others."`

	MailsPerDay      int32    `env:"MAILS_PER_DAY" envDefault:"20000" help:"Maximum number of mails with codes per day, over all addresses. One network may ask for a hundredth of them. Beyond it only known devices and administrators get mails."`
	SMSPerDay        int32    `env:"SMS_PER_DAY" envDefault:"2000" help:"Maximum number of text messages per day, over all numbers. Each costs money. One network may ask for a hundredth of them."`
	SMSCountries     []string `env:"SMS_COUNTRIES" envDefault:"+86" help:"Beginnings of the phone numbers that receive text messages, for example +86,+852, separated by commas."`
	ChangesPerMinute int32    `env:"CHANGES_PER_MINUTE" envDefault:"60" help:"Maximum number of changes per minute that one signed-in account makes, in all its sessions."`
	NewPhones        int32    `env:"NEW_PHONES_PER_DAY" envDefault:"3" help:"Maximum number of phone numbers that an account may ask to bind per day."`

	TOTPSignIn         bool   `env:"TOTP_SIGN_IN" envDefault:"true" help:"Whether a code of an authenticator app is enough to sign in, without a password, as documented."`
	TOTPIssuer         string `env:"TOTP_ISSUER" envDefault:"Toolkit" help:"Issuer that authenticator apps show beside the account."`
	TOTPGuessBudget    int32  `env:"TOTP_GUESS_BUDGET" envDefault:"3333" help:"Maximum number of failed authenticator codes per day, over all accounts. Beyond it they are refused."`
	EmailChangeConfirm bool   `env:"EMAIL_CHANGE_CONFIRM" envDefault:"true" help:"Whether a new e-mail address takes effect only after a code that was sent to it is confirmed."`

	UploadType  string `env:"UPLOAD_TYPE" envDefault:"cos" help:"Value of type in GET /options?type=upload."`
	UploadURL   string `env:"UPLOAD_URL" help:"URL to which clients upload; the value of url in GET /options?type=upload. Empty: uploads are not configured."`
	UploadLimit int64  `env:"UPLOAD_LIMIT" envDefault:"5120" help:"Maximum size of an upload, in KB; the value of limit in GET /options?type=upload."`

	Origins          []string `env:"CORS_ORIGINS" help:"Other origins whose pages may call the public surface with cookies, for example https://console.example.com, separated by commas. http:// is for development mode and loopback hosts only. Empty: none."`
	XSRFCookieDomain string   `env:"XSRF_COOKIE_DOMAIN" help:"Domain attribute of the XSRF cookie, for a console on a sibling host. Empty: this host only."`
	ServerName       string   `env:"SERVER_NAME" help:"Value of name in GET /. Default: the name of the host."`

	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES" help:"Networks of the reverse proxies whose X-Forwarded-For and X-Request-Id headers are trusted, for example 10.0.0.0/8, separated by commas. Empty: none."`

	GeoFile string `env:"GEO_FILE" help:"File in MaxMind's format (GeoLite2-City.mmdb, or DB-IP's) that locates sign-ins. Empty: locations are unknown."`

	SMTPURL  string `env:"SMTP_URL" secret:"true" help:"Mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…:465. For a relay on the same machine add ?tls=none or ?tls=optional to smtp://."`
	MailFrom string `env:"MAIL_FROM" envDefault:"Toolkit <no-reply@localhost>" help:"Sender of mails."`

	SMTPHello string `env:"SMTP_HELO" help:"Name with which this server introduces itself to the mail server (HELO). Default: the host of PUBLIC_URL, or else the domain of MAIL_FROM; some mail servers refuse a name without a dot."`

	SMSURL           string   `env:"SMS_URL" secret:"true" help:"SMS provider: tencent://SecretId:SecretKey@sms.tencentcloudapi.com/ap-guangzhou, or the https:// URL of your own webhook. Empty: no text messages are sent."`
	SMSFallbackURL   string   `env:"SMS_URL_FALLBACK" secret:"true" help:"Second SMS provider, in the form of SMS_URL, for messages that the first does not accept. It uses the SMS_… settings below, too. Empty: none."`
	SMSWebhookSecret string   `env:"SMS_WEBHOOK_SECRET" secret:"true" help:"Secret that signs the calls of the SMS webhook, as in Standard Webhooks: whsec_ and 24 to 64 random bytes in base64."`
	SMSAppID         string   `env:"SMS_APP_ID" help:"Tencent Cloud: the SdkAppId, for example 1400006666."`
	SMSSignName      string   `env:"SMS_SIGN_NAME" help:"Tencent Cloud: the approved signature, without brackets. The Chinese mainland requires one."`
	SMSTemplates     []string `env:"SMS_TEMPLATES" help:"Tencent Cloud: the approved templates, for example sign_in_code:1110,phone_code:1111, in which {1} is the code and {2} its lifetime in minutes. sign_in_code_global and phone_code_global are for numbers outside the Chinese mainland, which receive no message without them."`

	LarkAppID        string   `env:"LARK_APP_ID" help:"App ID at Lark (Feishu) for sign-in with Lark, for example cli_a5ca35a685b0x26e. PUBLIC_URL/lark must be one of the redirect URLs of the app. Empty: sign-in with Lark is disabled."`
	LarkAppSecret    string   `env:"LARK_APP_SECRET" secret:"true" help:"Secret of the Lark app."`
	LarkURL          string   `env:"LARK_URL" envDefault:"https://open.feishu.cn" help:"Base URL of Lark's API; https://open.larksuite.com outside the Chinese mainland."`
	LarkAuthorizeURL string   `env:"LARK_AUTHORIZE_URL" envDefault:"https://accounts.feishu.cn/open-apis/authen/v1/authorize" help:"URL of Lark's consent page; https://accounts.larksuite.com/open-apis/authen/v1/authorize outside the Chinese mainland."`
	AppRedirectURIs  []string `env:"APP_REDIRECT_URIS" help:"Comma-separated addresses at which the browser returns to an app from Lark: https://host/path, a scheme of the app's own such as toolkit-studio:/lark, or http://127.0.0.1/lark for any port. Empty: apps cannot sign in with Lark."`
	ConsoleURL       string   `env:"CONSOLE_URL" help:"URL of the browser console, to which users return from Lark. Default: PUBLIC_URL."`

	CodeWorkers    int `env:"CODE_WORKERS" envDefault:"8" help:"Maximum number of mails with codes that this server sends at once, and the same of text messages. Each mail is a connection to the mail server."`
	NoticeWorkers  int `env:"NOTICE_WORKERS" envDefault:"4" help:"Maximum number of mails without codes (notices) that this server sends at once."`
	WebhookWorkers int `env:"WEBHOOK_WORKERS" envDefault:"16" help:"Maximum number of webhooks that this server calls at once."`

	WebhookNetworks []netip.Prefix `env:"WEBHOOK_PRIVATE_NETWORKS" help:"Private networks that webhooks may reach, for example 10.1.2.0/24, separated by commas. Empty: the public Internet only."`

	LogLevel      slog.Level    `env:"LOG_LEVEL" envDefault:"INFO" help:"Minimum level of log messages: DEBUG, INFO, WARN or ERROR. INFO logs each request."`
	ShutdownDelay time.Duration `env:"SHUTDOWN_DELAY" envDefault:"3s" help:"Time after SIGTERM during which /readyz reports not ready, requests are still served, and each response closes its connection. Longer than load balancers take to notice. Development mode does not wait."`
	DevDir        string        `env:"DEV_DIR" envDefault:".dev" help:"Folder in which development mode keeps its private Postgres and its key."`
}

// Load reads and checks the settings in the environment, a map from name to value.
func Load(environment map[string]string) (Config, error) {
	c, err := Read(environment)
	if err != nil {
		return Config{}, err
	}

	return c, c.Check()
}

// Read reads the settings and does not check them: development mode fills in what is required, and the config command
// shows them as they are. With an error it returns what could be read.
func Read(environment map[string]string) (Config, error) {
	// A value from a file often ends with a line end.
	trimmed := make(map[string]string, len(environment))
	for name, value := range environment {
		trimmed[name] = strings.TrimSpace(value)
	}

	var c Config
	unreadable := env.ParseWithOptions(&c, env.Options{Environment: trimmed})

	if c.HashConcurrency == 0 {
		c.HashConcurrency = max(2, runtime.NumCPU())
	}

	if c.PublicURL == "" {
		if _, port, err := net.SplitHostPort(c.Addr); err == nil {
			c.PublicURL = "http://localhost:" + port
		}
	}

	c.PublicURL = normalAddress(c.PublicURL)

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
