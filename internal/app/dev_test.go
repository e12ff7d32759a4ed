package app_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/pgcluster"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// development runs `toolkit-gateway dev` in dir until stop is called, which returns how it ended. firstRun is the path of
// the link for the first administrator, where it prints one.
func development(t *testing.T, dir string) (url, firstRun string, stop func() error) {
	t.Helper()

	c, err := config.Read(map[string]string{"ADDR": "127.0.0.1:0", "DEV_DIR": dir, "LOG_LEVEL": "ERROR"})
	if err != nil {
		t.Fatal(err)
	}

	var (
		mu   sync.Mutex
		said strings.Builder
	)

	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()

		fmt.Fprintf(&said, format+"\n", args...)
	}

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)

	go func() { ended <- app.Dev(ctx, c, say) }()

	stop = sync.OnceValue(func() error {
		cancel()

		return <-ended
	})
	t.Cleanup(func() { _ = stop() })

	listening := regexp.MustCompile(`listening on (\S+)`)

	apptest.Eventually(t, "the development server listens", func() bool {
		mu.Lock()
		defer mu.Unlock()

		if match := listening.FindStringSubmatch(said.String()); match != nil {
			url = "http://" + match[1]
		}

		return url != ""
	})

	mu.Lock()
	defer mu.Unlock()

	return url, regexp.MustCompile(`/first_run\?\S+`).FindString(said.String()), stop
}

// follow makes the first administrator by way of the link.
func follow(t *testing.T, url, firstRun string) {
	t.Helper()

	page, token, found := strings.Cut(firstRun, "?token=")
	if status, err := get(url + firstRun); !found || err != nil || status != http.StatusOK {
		t.Fatalf("GET %s: %d %v", firstRun, status, err)
	}

	filled := world.FirstRunCall(token, nil)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+page, strings.NewReader(filled.Body))
	if err != nil {
		t.Fatal(err)
	}

	request.Header = filled.Header
	request.Header.Del("Origin") // the address is another

	made, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer made.Body.Close()

	if got := made.Header.Get("Location"); !strings.HasSuffix(got, "/first_run?created=true") {
		t.Errorf("%s, on to %q", made.Status, got)
	}
}

func get(url string) (int, error) {
	response, err := http.Get(url)
	if err != nil {
		return 0, err
	}

	return response.StatusCode, response.Body.Close()
}

func TestDevelopmentNeedsNothing(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	url, firstRun, stop := development(t, dir)

	apptest.Eventually(t, "it is ready", func() bool {
		status, err := get(url + "/readyz")

		return err == nil && status == http.StatusOK
	})

	for _, path := range []string{"/docs", "/openapi.yaml", "/openapi.json", "/dev/inbox", "/.well-known/jwks.json"} {
		if status, err := get(url + path); err != nil || status != http.StatusOK {
			t.Errorf("GET %s: %d %v", path, status, err)
		}
	}

	t.Run("SecondServerOnTheSameFolderIsRefused", func(t *testing.T) {
		c, err := config.Read(map[string]string{"ADDR": "127.0.0.1:0", "DEV_DIR": dir})
		if err != nil {
			t.Fatal(err)
		}

		if err := app.Dev(t.Context(), c, func(string, ...any) {}); !errors.Is(err, pgcluster.ErrInUse) {
			t.Errorf("got %v, want ErrInUse", err)
		}
	})

	follow(t, url, firstRun)

	// The operator's commands find it, unless they are given another gateway.
	settings, err := config.Read(map[string]string{"DEV_DIR": dir})
	if err != nil {
		t.Fatal(err)
	}

	found, ok := app.BesideDev(t.Context(), settings)
	if !ok || found.Check() != nil {
		t.Errorf("a running server: %t, %v", ok, found.Check())
	}

	if err := app.Operate(t.Context(), found, func(ctx context.Context, a *app.App) error { return a.Keys.Ensure(ctx) }); err != nil {
		t.Errorf("its keys: %v", err)
	}

	for _, told := range []config.Config{{DevDir: dir, DatabaseURL: "postgres://elsewhere/d"}, {DevDir: dir, MasterKey: "1"}, {DevDir: t.TempDir()}} {
		if left, ok := app.BesideDev(t.Context(), told); ok || left.DatabaseURL != told.DatabaseURL || left.MasterKey != told.MasterKey {
			t.Errorf("%+v became %+v", told, left)
		}
	}

	if err := stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}

	if _, ok := app.BesideDev(t.Context(), config.Config{DevDir: dir}); ok {
		t.Error("found a server that has stopped")
	}

	// The data, and the key that opens it, are there for the next start.
	url, firstRun, stop = development(t, dir)
	if firstRun != "" {
		t.Errorf("it offers %s beside an administrator", firstRun)
	}

	apptest.Eventually(t, "it is ready again", func() bool {
		status, err := get(url + "/readyz")

		return err == nil && status == http.StatusOK
	})

	if err := stop(); err != nil {
		t.Errorf("stop again: %v", err)
	}
}

// Nothing is made for a server that could not listen.
func TestDevelopmentSeesTheOccupiedPortFirst(t *testing.T) {
	t.Parallel()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()

	dir := filepath.Join(t.TempDir(), "dev")

	c, err := config.Read(map[string]string{"ADDR": listener.Addr().String(), "DEV_DIR": dir})
	if err != nil {
		t.Fatal(err)
	}

	err = app.Dev(t.Context(), c, func(string, ...any) {})
	if err == nil || !strings.Contains(err.Error(), "is in use; set ADDR to listen elsewhere") {
		t.Errorf("got %v", err)
	}

	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("DEV_DIR: %v", err)
	}
}

// R-J9: the inbox does not exist in release mode.
func TestInboxIsForDevelopmentOnly(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Inbox = nil

	release := env.Serve(t)
	if status, err := get(release.URL + "/dev/inbox"); err != nil || status != http.StatusNotFound {
		t.Errorf("GET /dev/inbox without an inbox: %d %v", status, err)
	}
}
