package docs_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

// The sample settings are settings, and the program accepts them.
func TestSampleSettingsWork(t *testing.T) {
	t.Parallel()

	values := map[string]string{"MASTER_KEY": keyring.Generate()}

	for line := range strings.Lines(read(t, "deploy/gateway.env")) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(line, "#") {
			values[name] = value
		}
	}

	c, err := config.Load(values)
	if err != nil {
		t.Fatal(err)
	}

	names := map[string]bool{}
	for _, setting := range c.Settings() {
		names[setting.Name] = true
	}

	for name := range values {
		if !names[name] {
			t.Errorf("deploy/gateway.env has %s, which is not a setting", name)
		}
	}
}

// REL-D3: nothing in front of a gateway, and nothing that stops one, ends a refresh that waits for the database.
func TestSamplesWaitForRefreshes(t *testing.T) {
	t.Parallel()

	c, err := config.Load(map[string]string{"DATABASE_URL": "postgres://database/gateway", "MASTER_KEY": keyring.Generate()})
	if err != nil {
		t.Fatal(err)
	}

	web, _, _ := strings.Cut(read(t, "deploy/haproxy.cfg"), "\nlisten ")
	stop, proxy := c.ShutdownDelay+c.RefreshPatience+5*time.Second, c.RefreshPatience+20*time.Second

	for _, one := range []struct {
		text, setting string
		atLeast       time.Duration
	}{
		{read(t, "deploy/toolkit-gateway.service"), `TimeoutStopSec=(\d+)`, stop},
		{read(t, "docs/operate.md"), `terminationGracePeriodSeconds: (\d+)`, stop},
		{web, `timeout client (\d+)s`, proxy},
		{web, `timeout server (\d+)s`, proxy},
		{read(t, "docs/operate.md"), `timeout server (\d+)s`, proxy},
	} {
		found := regexp.MustCompile(one.setting).FindAllStringSubmatch(one.text, -1)
		if len(found) == 0 {
			t.Errorf("%s is missing", one.setting)
		}

		for _, match := range found {
			if n, _ := strconv.Atoi(match[1]); time.Duration(n)*time.Second < one.atLeast {
				t.Errorf("%s: want at least %s", match[0], one.atLeast)
			}
		}
	}
}
