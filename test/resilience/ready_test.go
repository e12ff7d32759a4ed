package resilience_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// readiness is what /readyz shows.
type readiness struct {
	httpStatus int
	header     http.Header

	Status  string
	Checks  map[string]string
	Details map[string]string
}

func readinessOf(t *testing.T, url, query string) (r readiness) {
	t.Helper()

	response, err := http.Get(url + "/readyz" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	if err := json.NewDecoder(response.Body).Decode(&r); err != nil {
		t.Fatal(err)
	}

	r.httpStatus, r.header = response.StatusCode, response.Header

	return r
}

// REL-D2: a database that is away is away for every replica: none becomes unready, or the load balancer would have no
// server for the refreshes that wait. It is shown with ?verbose, as a metric and in the log.
func TestReadinessDoesNotDependOnTheDatabase(t *testing.T) {
	t.Parallel()

	cluster, url := postgrestest.NewCluster(t, true)
	env := apptest.On(t, url)

	if err := cluster.Kill(); err != nil {
		t.Fatal(err)
	}

	apptest.Eventually(t, "it is shown", func() bool { return readinessOf(t, env.URL, "?verbose").Checks["database"] == "failed" })

	for _, query := range []string{"", "?verbose", "?probe=1&x"} {
		began := time.Now()

		got := readinessOf(t, env.URL, query)
		if got.httpStatus != http.StatusOK || got.Status != "ready" {
			t.Errorf("readyz%s: %+v", query, got)
		}

		expectWithin(t, 50*time.Millisecond, time.Since(began), "for /readyz"+query+", which asks nothing,")
	}

	if metrics := metricsOf(t, env.App); !strings.Contains(metrics, "\ngateway_database_up 0\n") || !strings.Contains(metrics, "\ngateway_ready 1\n") {
		t.Error("the metrics do not show it")
	}

	if log := env.Log.String(); !strings.Contains(log, "this replica stays ready") {
		t.Errorf("the log does not say it: %s", log)
	}

	if err := cluster.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}

	apptest.Eventually(t, "it is right again", func() bool { return readinessOf(t, env.URL, "?verbose").Checks["database"] == "ok" })
}

// REL-D2: clocks that differ are shown, and make no replica unready.
func TestReadinessDoesNotDependOnTheClock(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Clock.Advance(time.Hour)

	apptest.Eventually(t, "it is shown", func() bool { return readinessOf(t, env.URL, "?verbose").Checks["clock"] == "warning" })

	if got := readinessOf(t, env.URL, ""); got.httpStatus != http.StatusOK {
		t.Errorf("readyz: %+v", got)
	}
}

// REL-D7: until a server has started, on an old schema here, every operation returns 503 with Retry-After. Afterwards a
// schema that is newer, because the next version is being rolled out, changes nothing.
func TestServerThatHasNotStartedIsUnavailable(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)

	var newest int
	if err := env.Pool.QueryRow(t.Context(), "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version) RETURNING version_id").Scan(&newest); err != nil {
		t.Fatal(err)
	}

	c := env.Config
	c.RefreshPatience = 50 * time.Millisecond // a refresh waits so long for the start

	waiting, err := app.New(t.Context(), app.Options{Config: c, Log: slog.New(slog.DiscardHandler), Now: env.Clock.Now, RefusalStep: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}

	waiting.Start()
	t.Cleanup(func() { _ = waiting.Stop(t.Context()) })

	server := httptest.NewServer(apptest.Conforming(t, waiting.Handler()))
	t.Cleanup(server.Close)

	for _, o := range world.Operations() {
		path := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(o.Path, "68ca4a3d0000000000000001")

		request, err := http.NewRequestWithContext(t.Context(), o.Method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}

		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}

		response.Body.Close()
		expectUnavailable(t, o.OperationID, response)
	}

	got := readinessOf(t, server.URL, "?verbose")
	if got.httpStatus != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || got.Checks["running"] != "failed" || got.Checks["migrations"] != "failed" {
		t.Errorf("readyz: %+v", got)
	}

	if got := readinessOf(t, env.URL, ""); got.httpStatus != http.StatusOK {
		t.Errorf("the replica that had started: %+v", got)
	}

	// The next version migrates.
	env.Exec(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, true), ($1 + 1, true)", newest)
	apptest.Eventually(t, "it is ready", func() bool { return readinessOf(t, server.URL, "").httpStatus == http.StatusOK })
}

// REL-D1, REL-D7: a refresh that reaches a replica before its start waits for that, and is judged by when it arrived: the token
// was the current one then, though the other refresher has used it meanwhile.
func TestRefreshWaitsForTheStart(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	tokens := g.SignIn(t, world.Owner)

	var newest int
	if err := g.Pool.QueryRow(t.Context(), "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version) RETURNING version_id").Scan(&newest); err != nil {
		t.Fatal(err)
	}

	waiting, err := app.New(t.Context(), app.Options{Config: g.Config, Log: slog.New(slog.DiscardHandler), Now: g.Clock.Now, RefusalStep: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}

	waiting.Start()
	t.Cleanup(func() { _ = waiting.Stop(t.Context()) })

	arrived := make(chan struct{})
	handler := waiting.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &signalled{ReadCloser: r.Body, ended: sync.OnceFunc(func() { close(arrived) })}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)

	answered := make(chan client.Tokens, 1)

	go func() {
		response, err := http.Post(server.URL+"/api/auth/refresh", "application/json", strings.NewReader(`{"refresh_token":"`+tokens.RefreshToken+`"}`))
		if err != nil {
			t.Error(err)

			return
		}
		defer response.Body.Close()

		var got client.Tokens
		if err := json.NewDecoder(response.Body).Decode(&got); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s, %v", response.Status, err)
		}

		answered <- got
	}()

	<-arrived

	status, next := g.Refresh(t, tokens.RefreshToken)
	if status != http.StatusOK {
		t.Fatalf("at the other replica: %d", status)
	}

	g.Clock.Advance(time.Minute)
	g.Exec(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, true)", newest)

	if got := <-answered; got.RefreshToken != next.RefreshToken {
		t.Errorf("got another refresh token than the one that the other refresher has")
	}

	if status, _ := g.Refresh(t, next.RefreshToken); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
}

// signalled is a body that tells when its end was read. The clock is read right after that.
type signalled struct {
	io.ReadCloser

	ended func()
}

func (s *signalled) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil {
		s.ended()
	}

	return n, err
}

func metricsOf(t *testing.T, a *app.App) string {
	t.Helper()

	response := httptest.NewRecorder()
	a.Private().ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))

	return response.Body.String()
}
