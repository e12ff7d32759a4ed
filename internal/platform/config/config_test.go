package config

import (
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

// complete returns what release mode requires, with the change.
func complete(change map[string]string) map[string]string {
	environment := map[string]string{
		"DATABASE_URL": "postgres://u:p@db.test/gateway", "MASTER_KEY": keyring.Generate(),
	}
	maps.Copy(environment, change)

	return environment
}

// A setting that is not set has the default that is listed, except the computed ones.
func TestDefaults(t *testing.T) {
	t.Parallel()

	c, err := Load(complete(nil))
	if err != nil {
		t.Fatal(err)
	}

	if c.PublicURL != "http://localhost:8080" || c.HashConcurrency < 2 {
		t.Errorf("PUBLIC_URL %q, HASH_CONCURRENCY %d", c.PublicURL, c.HashConcurrency)
	}

	for _, setting := range c.Settings() {
		if slices.Contains([]string{"DATABASE_URL", "MASTER_KEY", "PUBLIC_URL", "CONSOLE_URL", "HASH_CONCURRENCY"}, setting.Name) {
			continue
		}

		want := setting.Default
		if duration, err := time.ParseDuration(want); err == nil && setting.Value != want {
			want = duration.String() // 1h0m0s
		}

		if setting.Value != want {
			t.Errorf("%s is %q, want %q", setting.Name, setting.Value, want)
		}
	}
}

func TestValuesAreRead(t *testing.T) {
	t.Parallel()

	c, err := Load(complete(map[string]string{
		"MODE": "development", "ADDR": "127.0.0.1:9000", "PUBLIC_URL": "https://gw.test///", "TRUSTED_PROXIES": "10.0.0.0/8,2001:db8::/32",
		"EMAIL_DOMAINS": "konec.com.au,x.io", "LOG_LEVEL": "debug", "HASH_CONCURRENCY": "3", "ACCESS_TOKEN_LIFETIME": "15m", "CODE_GUESS_BUDGET": "7",
	}))
	if err != nil {
		t.Fatal(err)
	}

	if c.PublicURL != "https://gw.test" || len(c.TrustedProxies) != 2 || !slices.Equal(c.EmailDomains, []string{"konec.com.au", "x.io"}) ||
		c.LogLevel != slog.LevelDebug || c.HashConcurrency != 3 || c.AccessLifetime != 15*time.Minute || c.CodeGuessBudget != 7 {
		t.Errorf("got %+v", c)
	}
}

// T-30, V-21: every error names the setting, so that an operator finds it, and shows no value, because it may be a secret.
func TestRefusalNamesTheSettingAndShowsNoValue(t *testing.T) {
	t.Parallel()

	const canary = "CaNaRy"

	for _, c := range []struct{ name, value string }{
		{"MODE", "debug"}, {"MODE", "Release"},
		{"DATABASE_URL", ""},
		{"MASTER_KEY", ""}, {"MASTER_KEY", canary}, {"MASTER_KEY", canary + ":x"}, {"MASTER_KEY", "1:" + canary + ",1:" + canary},
		{"MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
		{"ADDR", "8080"}, {"ADDR", "localhost"}, {"ADDR", "a:b:c"},
		{"PUBLIC_URL", "gateway.example.com"}, {"PUBLIC_URL", "ftp://x"}, {"PUBLIC_URL", "https://"}, {"PUBLIC_URL", "%zz" + canary},
		{"PUBLIC_URL", "https://u:" + canary + "@gw.test"}, {"PUBLIC_URL", "https://gw.test/?x=" + canary}, {"PUBLIC_URL", "https://gw.test/#" + canary},
		// SEC-S24: profiles are for no one else, and nothing is sent in plain text over a network.
		{"PRIVATE_ADDR", ":9090"}, {"PRIVATE_ADDR", "0.0.0.0:9090"}, {"PRIVATE_ADDR", "[::]:9090"}, {"PRIVATE_ADDR", "203.0.113.7:9090"},
		{"PRIVATE_ADDR", "metrics.example.com:9090"}, {"PRIVATE_ADDR", "localhost.example.com:9090"}, {"PRIVATE_ADDR", "9090"},
		// IN-K18, IN-K19: what the server could not use.
		{"ADDR", ":99999"}, {"ADDR", "9090"}, {"ADDR", "localhost:"}, {"ADDR", ":" + canary}, {"PRIVATE_ADDR", "127.0.0.1:99999"}, {"PRIVATE_ADDR", "127.0.0.1:-1"},
		{"DATABASE_URL", "postgres://" + canary + "@h:99999/db"}, {"DATABASE_URL", "postgres://u@h/d?sslmode=" + canary}, {"DATABASE_URL", "mysql://u:" + canary + "@h/d"},
		{"DATABASE_URL", "postgres://u:" + canary + "@h/d\nx"}, {"UPLOAD_URL", "not a url"}, {"UPLOAD_URL", "ftp://" + canary}, {"UPLOAD_URL", "//host"},
		{"PUBLIC_URL", "https://gateway.example.com/" + canary}, {"PUBLIC_URL", "https://gateway.example.com/a/b/"}, {"PUBLIC_URL", "https://host\nx"},
		{"PUBLIC_URL", "HTTP://gateway.example.com"},
		{"PUBLIC_URL", "http://gateway.example.com"}, {"PUBLIC_URL", "http://10.1.2.3"}, {"PUBLIC_URL", "http://localhost.example.com"},
		{"CORS_ORIGINS", "http://console.example.com"}, {"CORS_ORIGINS", "https://a.test,http://10.1.2.3"},
		{"PASSWORD_MIN_LENGTH", "7"}, {"PASSWORD_MIN_LENGTH", "65"}, {"PASSWORD_MIN_LENGTH", canary},
		{"HASH_CONCURRENCY", "-1"}, {"HASH_CONCURRENCY", "1025"}, {"HASH_CONCURRENCY", "many" + canary},
		{"DATABASE_MAX_CONNS", "0"}, {"DATABASE_MAX_CONNS", "-1"}, {"DATABASE_MAX_CONNS", "99999999999"},
		{"ACCESS_TOKEN_LIFETIME", "59s"}, {"ACCESS_TOKEN_LIFETIME", "25h"}, {"ACCESS_TOKEN_LIFETIME", "3600"}, {"ACCESS_TOKEN_LIFETIME", canary},
		{"SESSION_IDLE", "1m"}, {"SESSION_IDLE", "9999h"}, {"SESSION_MAX", "1h"}, {"SESSION_LIMIT", "0"},
		{"APP_REDIRECT_URIS", "http://app.test/" + canary}, {"APP_REDIRECT_URIS", "toolkit-studio:/x,javascript:" + canary},
		{"CODE_GUESS_BUDGET", "0"}, {"CODE_GUESS_BUDGET", "3334"}, {"CODE_GUESS_BUDGET", "10001"},
		{"KEY_ROTATION", "0s"}, {"KEY_ROTATION", "-1h"}, {"KEY_ROTATION", "1m"},
		{"CLIENTS_MINIMUM", "studio"}, {"CLIENTS_MINIMUM", "studio=v2"}, {"CLIENTS_MINIMUM", "studio=2,studio=3"}, {"CLIENTS_MINIMUM", "stduio=2"},
		{"DATABASE_POOLER", "statement" + canary}, {"CODE_WORKERS", "0"}, {"NOTICE_WORKERS", "-1"}, {"WEBHOOK_WORKERS", "1001"}, {"CODE_WORKERS", "many" + canary},
		{"SMTP_HELO", "a host " + canary}, {"SMTP_HELO", "-" + canary}, {"SMTP_HELO", canary + "\r\nMAIL"},
		{"SHUTDOWN_DELAY", "-1s"}, {"SHUTDOWN_DELAY", "1h"},
		{"TRUSTED_PROXIES", "10.0.0.0"}, {"TRUSTED_PROXIES", canary}, {"LOG_LEVEL", "LOUD" + canary},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			t.Parallel()

			_, err := Load(complete(map[string]string{c.name: c.value}))
			if err == nil {
				t.Fatal("accepted")
			}

			if !strings.Contains(err.Error(), c.name) || strings.Contains(err.Error(), canary) {
				t.Errorf("%v", err)
			}
		})
	}

	t.Run("AllAtOnce", func(t *testing.T) {
		t.Parallel()

		_, err := Load(map[string]string{"MODE": "x", "ADDR": "y"})
		for _, name := range []string{"MODE", "ADDR", "DATABASE_URL", "MASTER_KEY"} {
			if !strings.Contains(err.Error(), name+":") {
				t.Errorf("no %s in %v", name, err)
			}
		}
	})
}

// An empty setting counts as not set: a compose file passes on unset variables as empty ones.
func TestEmptyIsTheDefault(t *testing.T) {
	t.Parallel()

	environment := complete(nil)
	want, err := Load(environment)

	if err != nil {
		t.Fatal(err)
	}

	for _, setting := range want.Settings() {
		if _, given := environment[setting.Name]; given {
			continue
		}

		emptied := maps.Clone(environment)
		emptied[setting.Name] = ""

		if got, err := Load(emptied); err != nil || !slices.Equal(got.Settings(), want.Settings()) {
			t.Errorf("%s: %v", setting.Name, err)
		}
	}
}

// IN-K18, IN-K19: a setting is used in the form that everything else understands.
func TestNormalForm(t *testing.T) {
	t.Parallel()

	for given, want := range map[string]string{
		"HTTPS://Gateway.Example.COM": "https://gateway.example.com", "https://gateway.example.com:443/": "https://gateway.example.com",
		"https://gateway.example.com///": "https://gateway.example.com",
		"http://LOCALHOST:80":            "http://localhost", "https://[2001:DB8::1]:443": "https://[2001:db8::1]",
	} {
		if c, err := Load(complete(map[string]string{"PUBLIC_URL": given})); err != nil || c.PublicURL != want {
			t.Errorf("%q: %q, %v", given, c.PublicURL, err)
		}
	}

	c, err := Load(complete(map[string]string{"DATABASE_URL": "postgres://u@h/db\n", "ADDR": "\t:9000 ", "PUBLIC_URL": " https://gw.test:8443/\n"}))
	if err != nil || c.DatabaseURL != "postgres://u@h/db" || c.Addr != ":9000" || c.PublicURL != "https://gw.test:8443" {
		t.Errorf("%q, %q, %q, %v", c.DatabaseURL, c.Addr, c.PublicURL, err)
	}
}

// The list appears on terminals and in screenshots.
func TestSettingsMaskSecrets(t *testing.T) {
	t.Parallel()

	const canary = "canary-secret"

	c, err := Read(map[string]string{
		"DATABASE_URL": "postgres://u:" + canary + "@h/db", "MASTER_KEY": canary, "SMTP_URL": "smtp://u:" + canary + "@h",
		"TRUSTED_PROXIES": "10.0.0.0/8,10.1.0.0/16",
	})
	if err != nil {
		t.Fatal(err)
	}

	values := map[string]string{}

	for _, setting := range c.Settings() {
		values[setting.Name] = setting.Value

		if strings.Contains(setting.Value, canary) || strings.Contains(setting.Help, canary) {
			t.Errorf("%+v", setting)
		}

		if setting.Name == "" || setting.Help == "" {
			t.Errorf("%+v has no name or no help", setting)
		}
	}

	if values["DATABASE_URL"] != "(set)" || values["SMTP_URL"] != "(set)" || values["TRUSTED_PROXIES"] != "10.0.0.0/8,10.1.0.0/16" {
		t.Errorf("got %v", values)
	}
}

// Load reads its map, and not the environment of the process.
func TestProcessEnvironmentIsNotLookedAt(t *testing.T) {
	t.Setenv("TOKEN_AUDIENCE", "from-the-process")

	c, err := Load(complete(nil))
	if err != nil || c.TokenAudience != "toolkit" || os.Getenv("TOKEN_AUDIENCE") == "" {
		t.Errorf("got %q, %v", c.TokenAudience, err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("1h", "10.0.0.0/8", "https://x.io", ":8080")
	f.Add("", "", "", "")
	f.Add("-1s", "::/0,0.0.0.0/0", "http://[::1]:80", "[::]:0")

	f.Fuzz(func(t *testing.T, duration, proxies, address, listen string) {
		c, err := Load(complete(map[string]string{
			"ACCESS_TOKEN_LIFETIME": duration, "TRUSTED_PROXIES": proxies, "PUBLIC_URL": address, "ADDR": listen,
		}))
		if err == nil && (c.AccessLifetime < time.Minute || c.AccessLifetime > 24*time.Hour || c.PublicURL == "" || c.Addr == "") {
			t.Errorf("accepted %+v", c)
		}

		c.Settings()
	})
}

// SEC-S12: an address that only a proxy on this machine can reach needs TRUSTED_PROXIES.
func TestProxyThatIsNotNamedIsWarnedOf(t *testing.T) {
	t.Parallel()

	for name, one := range map[string]struct {
		change map[string]string
		want   int
	}{
		"loopback":       {map[string]string{"ADDR": "127.0.0.1:8080"}, 1},
		"localhost":      {map[string]string{"ADDR": "localhost:8080"}, 1},
		"version 6":      {map[string]string{"ADDR": "[::1]:8080"}, 1},
		"named":          {map[string]string{"ADDR": "127.0.0.1:8080", "TRUSTED_PROXIES": "127.0.0.0/8"}, 0},
		"every address":  {nil, 0},
		"in development": {map[string]string{"ADDR": "127.0.0.1:8080", "MODE": "development"}, 0},
	} {
		c, err := Load(complete(one.change))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}

		if got := c.Warnings(); len(got) != one.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// SEC-S24: what is inside, encrypted, or said twice is accepted.
func TestAddressesThatAreMeantAreAccepted(t *testing.T) {
	t.Parallel()

	for _, change := range []map[string]string{
		{"PRIVATE_ADDR": "127.0.0.1:9090"}, {"PRIVATE_ADDR": "localhost:9090"}, {"PRIVATE_ADDR": "[::1]:9090"}, {"PRIVATE_ADDR": "10.1.2.3:9090"},
		{"PRIVATE_ADDR": "[fd00::1]:9090"}, {"PRIVATE_ADDR": ":9090", "PRIVATE_ADDR_PUBLIC": "true"},
		{"PUBLIC_URL": "https://gateway.example.com"}, {"PUBLIC_URL": "http://localhost:8080"}, {"PUBLIC_URL": "http://127.0.0.1:8080"},
		{"PUBLIC_URL": "http://gateway.example.com", "MODE": "development"},
		{"CORS_ORIGINS": "http://localhost:3000,http://[::1]:3000,https://console.example.com"},
		{"CORS_ORIGINS": "http://console.example.com", "MODE": "development"},
	} {
		if _, err := Load(complete(change)); err != nil {
			t.Errorf("%v: %v", change, err)
		}
	}
}
