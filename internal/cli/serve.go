package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/platform/config"
)

// The commands that run the gateway, prepare its database and check its health.
type (
	serveCommand       struct{}
	devCommand         struct{}
	healthcheckCommand struct{}
	migrateCommand     struct {
		ServerRole string `placeholder:"ROLE" help:"Also grant this database role what serving needs and nothing else: it can add to the audit log, but not change it. Run each migration with this flag as the owner of the tables, and serve as ROLE."`
	}
)

// Run serves until it is stopped.
func (serveCommand) Run(ctx context.Context, i invocation) error {
	c, err := config.Load(i.environment)
	if err != nil {
		return wrong(err)
	}

	return app.Serve(ctx, c, nil)
}

// Run serves in development mode until it is stopped.
func (devCommand) Run(ctx context.Context, i invocation) error {
	c, err := i.settings()
	if err != nil {
		return err
	}

	return app.Dev(ctx, c, func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
}

// Run migrates the database.
func (command migrateCommand) Run(ctx context.Context, i invocation) error {
	c, err := i.settings()
	if err != nil {
		return err
	}

	if c.DatabaseURL == "" {
		return errors.New("DATABASE_URL: required")
	}

	result, err := app.Migrate(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}

	for _, name := range slices.Concat(result.Ours, result.Queue) {
		fmt.Println("applied", name)
	}

	fmt.Printf("the database is at version %d", result.Version)

	if len(result.Ours)+len(result.Queue) > 0 {
		fmt.Printf(": applied %d of the gateway, %d of the job queue", len(result.Ours), len(result.Queue))
	}

	fmt.Println()

	if command.ServerRole == "" {
		return nil
	}

	if err := app.GrantServer(ctx, c.DatabaseURL, command.ServerRole); err != nil {
		return err
	}

	fmt.Printf("%s can serve, and cannot change the audit log\n", command.ServerRole)

	return nil
}

// Run checks whether the gateway is ready.
func (healthcheckCommand) Run(ctx context.Context, i invocation) error {
	c, err := i.settings()
	if err != nil {
		return err
	}

	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return errors.New("ADDR: not of the form host:port")
	}

	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}

	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}

	// The request stays on this machine, whatever proxy the environment names.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	defer response.Body.Close()

	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", response.Status)
	}

	return nil
}
