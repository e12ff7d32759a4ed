// Package app is the composition root: the one package that imports every other one and puts them together. It decides
// nothing about accounts, and holds no state that another replica would need.
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
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/bootstrap"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/domain/transfer"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/joblease"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
)

// Options are what New needs.
type Options struct {
	Config config.Config
	Log    *slog.Logger
	Now    func() time.Time // time.Now, except in tests
	Tracer pgx.QueryTracer  // sees every statement; nil except in tests
	Inbox  *inbox.Inbox     // shows messages in development mode; nil in release mode

	// HashCost is the cost of a new password hash. Zero is password.Standard; only tests set another.
	HashCost password.Cost
	// NetworkShare is the part of a daily budget that one network may spend: one in so many. Zero is
	// throttle.NetworkShare; only tests, whose requests come from one network, set another.
	NetworkShare int32
	// RefusalStep is the time at whose multiples refusals of a password are sent. Zero is measured at the start; only tests
	// set another.
	RefusalStep time.Duration
}

// App is one running gateway.
type App struct {
	config config.Config
	log    *slog.Logger
	now    func() time.Time
	step   time.Duration // Options.RefusalStep

	master   *keyring.Keyring
	db       *postgres.DB
	jobs     *river.Client[pgx.Tx]
	leases   *joblease.Leases
	backlog  *backlog
	places   *geo.Locator
	metrics  *metrics
	firstRun *bootstrap.Bootstrap

	// The operator's commands use these too.
	Accounts       *account.Accounts
	Administration *administration.Administration
	Groups         *group.Groups
	Keys           *token.Keys
	Chain          *audit.Chain
	Challenges     *challenge.Challenges
	Transfers      *transfer.Transfer
	Hasher         *password.Hasher
	Passwords      password.Policy

	handler http.Handler
	private http.Handler

	migrated atomic.Bool // the schema was new enough for this version, at the start
	started  atomic.Bool // keys are loaded, and the workers run

	startWaiters atomic.Int64 // refreshes that wait for that
	draining     atomic.Bool
	seen         atomic.Pointer[condition] // of what all replicas share; nil before the first look
	failed       chan error                // why the gateway cannot start, at most once
	stop         context.CancelFunc
	done         chan struct{} // closed when the background work has ended
}

// New puts the gateway together. It fails if a setting or the document is wrong, and leaves nothing open then. It succeeds
// while the database is unavailable: the gateway is not ready then, and Start keeps trying.
func New(ctx context.Context, o Options) (*App, error) {
	// The one clock ticks in milliseconds, as the times in the answers do.
	a := &App{config: o.Config, log: o.Log, now: func() time.Time { return o.Now().Truncate(time.Millisecond) }, step: o.RefusalStep}
	a.failed = make(chan error, 1)

	go func() { _, _ = loadDocument() }() // beside what follows, which takes as long; build returns its error

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

// open opens what Close closes: the pool of the database, and the file of places.
func (a *App) open(ctx context.Context, tracer pgx.QueryTracer) (err error) {
	a.db, err = postgres.Open(ctx, postgres.Options{URL: a.config.DatabaseURL, MaxConns: a.config.DatabaseMaxConns, Pooler: postgres.Pooler(a.config.DatabasePooler), Tracer: tracer})
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}

	if a.places, err = geo.Open(a.config.GeoFile, a.log, a.now); err != nil {
		a.db.Close()

		return fmt.Errorf("GEO_FILE: %w", err)
	}

	return nil
}

// build makes everything else, in the order of its dependencies.
func (a *App) build(o Options) error {
	a.metrics = newMetrics(a.db)
	a.metrics.showCondition(a)

	security, err := a.newSecurity(cmp.Or(o.HashCost, password.Standard), cmp.Or(o.NetworkShare, throttle.NetworkShare))
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

// Private serves metrics and profiles. Its listener must not be reachable from outside.
func (a *App) Private() http.Handler { return a.private }

// loadDocument reads the document once per process, however many gateways a test starts: it is never changed.
var loadDocument = sync.OnceValues(func() (*openapi3.T, error) {
	spec, err := openapi3.NewLoader().LoadFromData(document.Document)
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}

	return spec, nil
})
