package app_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/geotest"
)

// withPlaces reads settings of a gateway whose database is away and which has a file of places.
func withPlaces(t *testing.T) config.Config {
	t.Helper()

	places := filepath.Join(t.TempDir(), "places.mmdb")
	if err := os.WriteFile(places, geotest.File(t, geotest.Some()...), 0o600); err != nil {
		t.Fatal(err)
	}

	c, err := config.Load(map[string]string{
		"MODE": config.Development, "DATABASE_URL": "postgres://u:p@127.0.0.1:1/d", "MASTER_KEY": keyring.Generate(),
		"ADDR": "127.0.0.1:0", "GEO_FILE": places, "LOG_LEVEL": "ERROR",
	})
	if err != nil {
		t.Fatal(err)
	}

	return c
}

// closed fails the test unless everything is closed that run has opened: the pool, which has goroutines, and the file of
// places, which is mapped into memory.
func closed(t *testing.T, places string, run func(ctx context.Context)) {
	t.Helper()

	pprof.Do(t.Context(), pprof.Labels("opened-by", t.Name()), run) // goroutines inherit the label

	// The pool closes its connections at once, and its goroutines end a moment later.
	apptest.Eventually(t, "its goroutines have ended", func() bool {
		var goroutines bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&goroutines, 1); err != nil {
			t.Fatal(err)
		}

		return !strings.Contains(goroutines.String(), `"opened-by":"`+t.Name()+`"`)
	})

	if runtime.GOOS != "linux" {
		return // elsewhere a process cannot list what it has mapped
	}

	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}

	if strings.Contains(string(maps), places) {
		t.Error("the file of places is still open")
	}
}

func TestEverythingIsClosed(t *testing.T) {
	t.Parallel()

	t.Run("WhenNewFailsInTheDomain", func(t *testing.T) {
		t.Parallel()

		c := withPlaces(t)
		c.EmailDomains = []string{"not a domain"}

		closed(t, c.GeoFile, func(ctx context.Context) {
			if _, err := app.New(ctx, app.Options{Config: c, Log: slog.New(slog.DiscardHandler), Now: time.Now}); err == nil {
				t.Error("accepted")
			}
		})
	})

	t.Run("WhenNewFailsAtTheEnd", func(t *testing.T) {
		t.Parallel()

		c := withPlaces(t)
		c.SMTPURL = "http://127.0.0.1"

		closed(t, c.GeoFile, func(ctx context.Context) {
			if _, err := app.New(ctx, app.Options{Config: c, Log: slog.New(slog.DiscardHandler), Now: time.Now}); err == nil {
				t.Error("accepted")
			}
		})
	})

	t.Run("AfterACommand", func(t *testing.T) {
		t.Parallel()

		c := withPlaces(t)

		closed(t, c.GeoFile, func(ctx context.Context) {
			if err := app.Operate(ctx, c, func(context.Context, *app.App) error { return nil }); err == nil {
				t.Error("the database is not away")
			}
		})
	})

	t.Run("WhenPrivateAddrIsInUse", func(t *testing.T) {
		t.Parallel()

		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()

		// The goroutine that receives signals belongs to the process. It starts with the first who asks for one.
		_, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
		stop()

		c := withPlaces(t)
		c.Private = taken.Addr().String()

		// A port that is free: it was given back a moment ago.
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}

		c.Addr = free.Addr().String()
		free.Close()

		closed(t, c.GeoFile, func(ctx context.Context) {
			if err := app.Serve(ctx, c, nil); err == nil || !strings.Contains(err.Error(), "PRIVATE_ADDR: ") {
				t.Errorf("got %v", err)
			}

			if conn, err := net.Dial("tcp", c.Addr); err == nil {
				conn.Close()
				t.Error("the public listener accepts connections")
			}
		})
	})
}
