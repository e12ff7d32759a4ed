package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	superuser = "postgres"
	port      = "5432" // part of the socket's name only

	// startTimeout bounds a start whose context has no deadline; crash recovery may take a while.
	startTimeout = time.Minute
)

// Cluster is a private PostgreSQL server and its data. Its methods may be called from any goroutine.
type Cluster struct {
	opts      Options
	dir       string
	bin       string
	socket    string
	temporary bool // the socket's folder
	account   *account

	mu     sync.Mutex
	lock   *os.File // held from Start to Stop, also while the server is killed
	server *server
}

// Options are the options of a Cluster.
type Options struct {
	// Dir holds the cluster: its data, log, lock and, if its path is short enough, its socket. It is created if
	// missing, and reused if it has data. See Place for root.
	Dir string

	// BinDir is the folder of initdb and postgres; FindBinaries when empty.
	BinDir string

	// Durable keeps data through a crash, as in production. Without it the server is fast, and fit only for disposable
	// data.
	Durable bool

	// Settings are further settings as in postgresql.conf; they win over the others.
	Settings map[string]string

	// SocketDir is the folder of the Unix socket, for this cluster alone. It defaults to a folder in Dir or, if that
	// path would be too long for a socket, to a temporary one.
	SocketDir string
}

// Start creates the data folder if it does not exist, and starts a server that accepts connections when Start returns.
// ErrInUse reports that another process already runs one.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	c, err := newCluster(opts)
	if err != nil {
		return nil, err
	}
	if c.lock, err = acquire(ctx, c.dir); err != nil {
		return nil, err
	}
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.release())
	}
	return c, nil
}

// newCluster decides what depends on the operating system: user, folder, programs.
func newCluster(opts Options) (*Cluster, error) {
	c := &Cluster{opts: opts, bin: opts.BinDir}
	var err error
	if c.account, err = serverAccount(); err != nil {
		return nil, err
	}
	if c.bin == "" {
		c.bin, err = FindBinaries()
	} else {
		c.bin, err = filepath.Abs(c.bin)
	}
	if err != nil {
		return nil, err
	}
	if !holdsServer(c.bin) {
		return nil, fmt.Errorf("initdb and postgres are not both in %s", c.bin)
	}
	if ok, err := c.account.canEnter(c.bin); err != nil || !ok {
		return nil, errors.Join(err, fmt.Errorf("the PostgreSQL programs in %s are out of reach for the user they must run as", c.bin))
	}
	if c.dir, err = Place(opts.Dir); err != nil {
		return nil, err
	}
	return c, c.account.makeFolder(c.dir)
}

// open is the part of Start that the lock protects.
func (c *Cluster) open(ctx context.Context) error {
	if err := os.Remove(c.LogFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := c.prepareData(ctx); err != nil {
		return err
	}
	if err := c.makeSocketDir(); err != nil {
		return err
	}
	return c.launch(ctx)
}

// Stop shuts the server down, disconnects its clients, and releases the folder. If ctx ends before that, the server is
// killed.
func (c *Cluster) Stop(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.server.shutDown(ctx), c.release())
}

// Restart starts the server again on the same data and the same URL: after Kill, after Stop, or by shutting it down
// first.
func (c *Cluster) Restart(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	if err := c.server.shutDown(ctx); err != nil {
		return err
	}
	if c.lock == nil {
		var err error
		if c.lock, err = acquire(ctx, c.dir); err != nil {
			return err
		}
	}
	if err := c.makeSocketDir(); err != nil {
		return err
	}
	return c.launch(ctx)
}

// URL returns the address of a database for pgx and psql. The user is the superuser.
func (c *Cluster) URL(database string) string {
	query := url.Values{"host": {c.socket}, "port": {port}}
	// libpq and pgx do not read a plus sign as a space.
	raw := strings.ReplaceAll(query.Encode(), "+", "%20")
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database, RawQuery: raw}
	return u.String()
}

// Dir returns the folder of the cluster: the result of Place for Options.Dir.
func (c *Cluster) Dir() string { return c.dir }

// LogFile returns the path of the server's log. It is truncated at every Start.
func (c *Cluster) LogFile() string { return filepath.Join(c.dir, "postgres.log") }

func (c *Cluster) data() string { return filepath.Join(c.dir, dataName) }

// arguments returns the server's arguments. Settings come last, because the last one wins.
func (c *Cluster) arguments() []string {
	args := []string{"-D", c.data(), "-k", c.socket, "-c", "port=" + port, "-c", "listen_addresses="}
	if !c.opts.Durable {
		args = append(args, "-F", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
			"-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "autovacuum=off")
	}
	for _, name := range slices.Sorted(maps.Keys(c.opts.Settings)) {
		args = append(args, "-c", name+"="+c.opts.Settings[name])
	}
	return args
}

func (c *Cluster) release() error {
	var errs []error
	if c.lock != nil {
		c.server.freeMemory(filepath.Join(c.data(), pidName))
		errs = append(errs, c.removeSocketDir(), c.lock.Close())
		c.lock = nil
	}
	return errors.Join(errs...)
}

func withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, startTimeout)
}
