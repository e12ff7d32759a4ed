// Package app is the composition root: the one place that sees everything, and puts it together. It
// decides nothing about accounts, and holds no state that another replica would need.
package app

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	document "github.com/konec/toolkit-gateway/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/firstrun"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/domain/transfer"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
)

// Options are what an App is made of beside its settings.
type Options struct {
	Config config.Config
	Log    *slog.Logger
	Now    func() time.Time // time.Now, but for tests
	Tracer pgx.QueryTracer  // sees every statement; nil but for tests
	Inbox  *inbox.Inbox     // development mode: where mail is shown; nil in release mode

	// HashCost is what a new hash of a password costs: password.Standard if it is zero, as everywhere but in tests.
	HashCost password.Cost
}

// App is one running gateway.
type App struct {
	config config.Config
	log    *slog.Logger
	now    func() time.Time

	master   *keyring.Keyring
	db       *postgres.DB
	jobs     *river.Client[pgx.Tx]
	places   *geo.Locator
	metrics  *metrics
	firstRun *firstrun.FirstRun

	// What the operator's commands use too.
	Accounts  *account.Accounts
	Groups    *group.Groups
	Keys      *token.Keys
	Chain     *audit.Chain
	Transfers *transfer.Transfer
	Hasher    *password.Hasher
	Passwords password.Policy

	handler http.Handler
	private http.Handler

	started  atomic.Bool // keys are loaded, and the workers run
	draining atomic.Bool
	stop     context.CancelFunc
	done     chan struct{} // closed when the background work has ended
}

// New puts the gateway together. It fails where a setting or the document is wrong. A database that
// is away is no reason to fail: readiness says so, and Start goes on trying.
func New(ctx context.Context, o Options) (*App, error) {
	a := &App{config: o.Config, log: o.Log, now: o.Now}

	var err error

	if a.master, err = keyring.Parse(o.Config.MasterKey); err != nil {
		return nil, fmt.Errorf("MASTER_KEY: %w", err)
	}

	if err := a.open(ctx, o.Tracer); err != nil {
		return nil, err
	}

	if err := a.build(o); err != nil {
		a.Close()

		return nil, err
	}

	return a, nil
}

// open opens what the machine and the network hold: the pool of the database, and the file of places.
func (a *App) open(ctx context.Context, tracer pgx.QueryTracer) (err error) {
	a.db, err = postgres.Open(ctx, postgres.Options{URL: a.config.DatabaseURL, MaxConns: a.config.DatabaseMaxConns, Tracer: tracer})
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}

	if a.places, err = geo.Open(a.config.GeoFile, a.log, a.now); err != nil {
		a.db.Close()

		return fmt.Errorf("GEO_FILE: %w", err)
	}

	return nil
}

// build makes everything else, in the order in which it depends on each other.
func (a *App) build(o Options) error {
	a.metrics = newMetrics(a.db)

	security, err := a.newSecurity(cmp.Or(o.HashCost, password.Standard))
	if err != nil {
		return err
	}

	domain, err := a.newDomain(security)
	if err != nil {
		return err
	}

	if a.jobs, err = a.newJobs(domain, o.Inbox); err != nil {
		return err
	}

	spec, err := loadDocument()
	if err != nil {
		return err
	}

	if a.handler, err = a.routes(spec, a.newSurfaces(domain), o.Inbox); err != nil {
		return err
	}

	a.private = a.privateRoutes()

	return nil
}

// Handler serves the API.
func (a *App) Handler() http.Handler { return a.handler }

// Private serves metrics and profiles, for a listener that nobody outside reaches.
func (a *App) Private() http.Handler { return a.private }

// loadDocument reads the document once a process, however many servers a test starts in it: nobody changes it.
var loadDocument = sync.OnceValues(func() (*openapi3.T, error) {
	spec, err := openapi3.NewLoader().LoadFromData(document.Document)
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}

	return spec, nil
})
