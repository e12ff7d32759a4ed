package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/konec/toolkit-gateway/internal/platform/appversion"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

// Check returns an error that names every setting that cannot work, or that is required and missing.
func (c Config) Check() error {
	return errors.Join(slices.Concat(
		c.serverFaults(), c.sessionFaults(), c.guessFaults(), c.sendFaults(), c.browserFaults(), c.smsFaults(), c.larkFaults(),
	)...)
}

// Warnings returns what works and is probably not meant.
func (c Config) Warnings() (list []string) {
	host, _, err := net.SplitHostPort(c.Addr)

	// Only a proxy on this machine can reach such an address.
	if err == nil && c.Mode == Release && len(c.TrustedProxies) == 0 && isLoopback(host) {
		list = append(list, "ADDR is "+c.Addr+", which only a proxy on this machine can reach, and TRUSTED_PROXIES is empty: "+
			"all users share one address and the limits of one network. Set TRUSTED_PROXIES=127.0.0.0/8,::1/128")
	}

	return list
}

// faults are what is wrong with one section of the settings.
type faults []error

// require adds a fault unless the setting is right. It shows no value of a secret.
func (f *faults) require(right bool, format string, args ...any) {
	if !right {
		*f = append(*f, fmt.Errorf(format, args...))
	}
}

func between[T cmp.Ordered](value, least, most T) bool { return least <= value && value <= most }

func (c Config) serverFaults() (f faults) {
	f.require(c.Mode == Release || c.Mode == Development, "MODE: %q is neither release nor development", c.Mode)
	if c.DatabaseURL == "" {
		f.require(false, "DATABASE_URL: required; `toolkit-gateway dev` needs none, it runs a private Postgres")
	} else {
		_, err := pgconn.ParseConfig(c.DatabaseURL) // its error names the host
		f.require(err == nil && !strings.ContainsFunc(c.DatabaseURL, unicode.IsControl), "DATABASE_URL: not of the form postgres://user:password@host:port/database")
	}

	if c.MasterKey == "" {
		f.require(false, "MASTER_KEY: required; make one with: openssl rand -base64 32")
	} else if _, err := keyring.Parse(c.MasterKey); err != nil {
		f.require(false, "MASTER_KEY: %w", err)
	}

	f.require(isListenAddress(c.Addr), "ADDR: not of the form host:port")

	f.require(isAddress(c.PublicURL, "https", "http") && hasNoPath(c.PublicURL),
		"PUBLIC_URL: not of the form https://host; a path is not supported, the server answers at the root of its host")
	f.require(c.mayBePlain(c.PublicURL), "PUBLIC_URL: http:// only in development mode or for a loopback host; anyone on the way reads passwords and cookies")

	if c.Private != "" {
		host, _, err := net.SplitHostPort(c.Private)
		f.require(isListenAddress(c.Private), "PRIVATE_ADDR: not of the form host:port")
		f.require(err != nil || c.PrivateAnywhere || isInside(host),
			"PRIVATE_ADDR: neither a loopback nor a private address; profiles show secrets in memory. Use 127.0.0.1:PORT, or set PRIVATE_ADDR_PUBLIC=true")
	}

	f.require(slices.Contains([]string{"none", "session", "transaction"}, c.DatabasePooler), "DATABASE_POOLER: must be none, session or transaction")
	f.require(c.DatabaseMaxConns >= 1, "DATABASE_MAX_CONNS: must be at least 1")
	f.require(between(c.HashConcurrency, 1, 1024), "HASH_CONCURRENCY: must be between 1 and 1024")
	f.require(c.UploadURL == "" || isAddress(c.UploadURL, "https", "http"), "UPLOAD_URL: not of the form https://host/path")
	f.require(c.UploadLimit >= 1, "UPLOAD_LIMIT: must be at least 1")
	f.require(between(c.ShutdownDelay, 0, time.Minute), "SHUTDOWN_DELAY: must be between 0s and 1m")

	return f
}

func (c Config) sessionFaults() (f faults) {
	for _, name := range c.Clients {
		f.require(clientName.MatchString(name), "CLIENTS: %q is not a name of lower-case letters, digits and hyphens, at most 32", name)
	}

	minimum, err := appversion.Parse(c.ClientsMinimum)
	f.require(err == nil, "CLIENTS_MINIMUM: %w", err)

	for name := range minimum {
		f.require(slices.Contains(c.Clients, name), "CLIENTS_MINIMUM: %s is not in CLIENTS", name)
	}

	f.require(between(c.AccessLifetime, time.Minute, 24*time.Hour), "ACCESS_TOKEN_LIFETIME: must be between 1m and 24h")
	f.require(c.AccessLifetime <= c.SessionIdle && c.SessionIdle <= c.SessionMax,
		"SESSION_IDLE and SESSION_MAX: must be at least ACCESS_TOKEN_LIFETIME, and SESSION_IDLE at most SESSION_MAX")
	f.require(time.Minute <= c.BrowserIdle && c.BrowserIdle <= c.BrowserMax,
		"BROWSER_SESSION_IDLE and BROWSER_SESSION_MAX: must be at least 1m, and BROWSER_SESSION_IDLE at most BROWSER_SESSION_MAX")
	f.require(c.RefreshPatience >= time.Second && c.RefreshPatience <= 5*time.Minute, "REFRESH_PATIENCE: must be between 1s and 5m")
	f.require(c.RefreshWaiting >= 1, "REFRESH_WAITING: must be at least 1")
	f.require(c.SessionLimit >= 1, "SESSION_LIMIT: must be at least 1")
	f.require(c.KeyRotation >= time.Hour, "KEY_ROTATION: must be at least 1h, the interval at which the age of the key is checked")
	f.require(c.AccountRetention >= 0, "ACCOUNT_RETENTION: must not be negative")

	return f
}

// guessFaults are those of the settings that bound the guessing of passwords and codes.
func (c Config) guessFaults() (f faults) {
	f.require(between(c.PasswordMinLength, 8, 64), "PASSWORD_MIN_LENGTH: must be between 8 and 64")
	f.require(between(c.CodeGuessBudget, 1, 3333), "CODE_GUESS_BUDGET: must be between 1 and 3333; beyond it six digits are too few")
	f.require(between(c.TOTPGuessBudget, 1, 3333), "TOTP_GUESS_BUDGET: must be between 1 and 3333; beyond it six digits are too few")
	f.require(between(c.FailuresFree, 1, 100) && c.NetworkFailures >= 1,
		"FAILURES_FREE: must be between 1 and 100; NETWORK_FAILURES: at least 1")
	f.require(time.Second <= c.FailureDelay && c.FailureDelay <= c.FailureDelayMax && c.FailureDelayMax <= 24*time.Hour,
		"FAILURE_DELAY and FAILURE_DELAY_MAX: must be between 1s and 24h, and FAILURE_DELAY at most FAILURE_DELAY_MAX")

	return f
}

func (c Config) sendFaults() (f faults) {
	f.require(between(c.SendCooldown, time.Second, time.Hour), "SEND_COOLDOWN: must be between 1s and 1h")
	f.require(min(c.SendsPerHour, c.SendsPerDay, c.NetworkSends, c.AdminSends, c.SMSPerDay) >= 1,
		"SENDS_PER_HOUR, SENDS_PER_DAY, NETWORK_SENDS, ADMIN_SENDS and SMS_PER_DAY: must be at least 1")

	f.require(between(c.CodeWorkers, 1, 1000), "CODE_WORKERS: must be between 1 and 1000")
	f.require(between(c.NoticeWorkers, 1, 1000), "NOTICE_WORKERS: must be between 1 and 1000")
	f.require(between(c.WebhookWorkers, 1, 1000), "WEBHOOK_WORKERS: must be between 1 and 1000")
	f.require(c.SMTPHello == "" || mailName.MatchString(c.SMTPHello), "SMTP_HELO: not a host name, for example gateway.example.com")

	return f
}

// mailName matches a name for HELO. An address in brackets is one, too.
var mailName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f.:]+\])$`)

func (c Config) browserFaults() (f faults) {
	f.require(c.XSRFCookieDomain == "" || hostName.MatchString(c.XSRFCookieDomain),
		"XSRF_COOKIE_DOMAIN: not a host name in lower case, for example example.com")

	for _, origin := range c.Origins {
		f.require(isOrigin(origin), "CORS_ORIGINS: %q is not of the form https://host, in lower case and without the default port", origin)
		f.require(c.mayBePlain(origin), "CORS_ORIGINS: %q: http:// only in development mode or for a loopback host; anyone on the way could write its pages", origin)
	}

	return f
}

// mayBePlain reports whether an address is encrypted, or need not be.
func (c Config) mayBePlain(address string) bool {
	u, err := url.Parse(address)

	return err != nil || u.Scheme != "http" || c.Mode == Development || isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)

	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && address.IsLoopback()
}

// isListenAddress reports whether a server can listen there. The port is a number, or the name of a service.
func isListenAddress(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}

	_, err = net.LookupPort("tcp", port)

	return err == nil && port != ""
}

// normalAddress returns a URL as browsers write it: the scheme and the host in lower case, and without the default port and a
// slash at the end (RFC 3986, section 6.2). A text that is not a URL is returned as it is.
func normalAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}

	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if port, known := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; known {
		u.Host = strings.TrimSuffix(u.Host, port)
	}

	return strings.TrimRight(u.String(), "/")
}

func hasNoPath(address string) bool {
	u, err := url.Parse(address)

	return err == nil && u.Path == ""
}

// isInside reports whether only this machine or a private network can reach a listen address. Another name than
// localhost may have any address.
func isInside(host string) bool {
	address, err := netip.ParseAddr(host)

	return isLoopback(host) || err == nil && (address.IsPrivate() || address.IsLinkLocalUnicast())
}

// isOrigin reports whether a browser would send the text as an origin (RFC 6454, section 6.2).
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != text || text != strings.ToLower(text) {
		return false
	}

	return u.Scheme == "https" && u.Port() != "443" || u.Scheme == "http" && u.Port() != "80"
}

// clientName matches a name by which an app may call itself.
var clientName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// hostName matches a host for which a cookie may be set.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+$`)
