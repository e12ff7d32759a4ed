package app

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
)

func TestAddressesAreWarnedOf(t *testing.T) {
	t.Parallel()

	anywhere, here := net.IPv4zero, net.IPv6loopback

	for name, c := range map[string]struct {
		mode, public string
		listens      net.IP
		warning      string
	}{
		"InboxForAll":     {config.Development, "http://localhost:9000", anywhere, "ADDR=localhost:9000"},
		"InboxForUs":      {config.Development, "http://localhost:9000", here, ""},
		"NoPublicURL":     {config.Release, "http://localhost:9000", anywhere, "PUBLIC_URL"},
		"PublicURL":       {config.Release, "https://gateway.test", anywhere, ""},
		"HiddenByAProxy":  {config.Release, "https://gateway.test", here, ""},
		"NoPublicURLHere": {config.Release, "http://localhost:9000", here, "PUBLIC_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var out bytes.Buffer

			warnOfAddresses(config.Config{Mode: c.mode, PublicURL: c.public}, &net.TCPAddr{IP: c.listens, Port: 9000},
				slog.New(slog.NewTextHandler(&out, nil)))

			if said := out.String(); !strings.Contains(said, c.warning) || c.warning == "" && said != "" {
				t.Errorf("says %q, want %q", said, c.warning)
			}
		})
	}
}

// What a stop interrupts is not logged; everything else from warnings up is.
func TestJobLogIsQuiet(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer

	log := slog.New(quiet{slog.NewTextHandler(&out, nil)})
	log.Info("not passed on")
	log.Error("not passed on", "error", "acquire: "+context.Canceled.Error())
	log.Error("not passed on", "job", 1, "error", context.Canceled)
	log.Warn("first", "error", context.DeadlineExceeded.Error())
	log.Error("second", "error", "not canceled")

	if said := out.String(); strings.Contains(said, "not passed on") || !strings.Contains(said, "first") || !strings.Contains(said, "second") {
		t.Errorf("says %s", said)
	}
}
