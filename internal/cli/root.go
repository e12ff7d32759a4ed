// Package cli holds the commands: their flags, what they print, and their exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/platform/config"
)

type commands struct {
	Serve       serveCommand       `cmd:"" help:"Run the gateway. Needs DATABASE_URL (migrated) and MASTER_KEY."`
	Dev         devCommand         `cmd:"" help:"Run it with nothing prepared: a private Postgres, migrated, and an inbox page for its mails."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the database to the schema of this version. Safe to repeat, and to run from several places at once."`
	Audit       auditCommand       `cmd:"" help:"Look whether the audit log is as the server has written it."`
	Account     accountCommand     `cmd:"" help:"Create accounts, assign member groups, disable and enable, bring in from files and write out."`
	Key         keyCommand         `cmd:"" help:"List and rotate the keys that sign access tokens."`
	Config      configCommand      `cmd:"" help:"List every setting, its value and what it means, then those that cannot work. Secrets are not shown."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask the gateway at ADDR on this machine whether it is ready; exit 0 if so."`
	Version     versionCommand     `cmd:"" help:"Say which version this is."`

	ShowVersion kong.VersionFlag `name:"version" help:"Say which version this is."`
}

type (
	serveCommand       struct{}
	devCommand         struct{}
	configCommand      struct{}
	healthcheckCommand struct{}
	versionCommand     struct{}

	migrateCommand struct {
		ServerRole string `placeholder:"ROLE" help:"Also grant this role of the database what serving needs, and no more: it can add to the audit log, not change it. Say so at each migration, run as the tables' owner, and serve as that role."`
	}
)

// Run runs the command that the arguments name, and returns the exit code. For help, and for arguments that it cannot
// parse, it ends the process itself.
func Run(args []string) int {
	var c commands

	parser := kong.Must(&c,
		kong.Name("toolkit-gateway"),
		kong.Description("The account-authentication gateway of the Toolkit apps.\n\n"+
			"Settings come from the environment; see `toolkit-gateway config`. To try it: `toolkit-gateway dev`. "+
			"In the folder where that runs, account and key need no settings."),
		kong.ShortUsageOnError(),
		kong.Vars{"version": app.Version()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(context.Background(), (*context.Context)(nil)),
	)

	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:], "--help")
	}

	command, err := parser.Parse(args)
	parser.FatalIfErrorf(err)

	if err := command.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "toolkit-gateway: %v\n", err)

		if errors.Is(err, errRefusedLines) {
			return 2
		}

		return 1
	}

	return 0
}

func environment() map[string]string {
	values := map[string]string{}

	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = value
	}

	return values
}

// wrong is what every command says of settings that it cannot work with.
func wrong(err error) error { return fmt.Errorf("settings are missing or wrong:\n%w", err) }

// read is for commands that get by without what is required.
func read() (config.Config, error) {
	c, err := config.Read(environment())
	if err != nil {
		return c, wrong(err)
	}

	return c, nil
}

// operate is for the operator's commands, which find the development server that runs in DEV_DIR.
func operate(ctx context.Context) (config.Config, error) {
	c, err := read()
	if err != nil {
		return c, err
	}

	c, found := app.BesideDev(ctx, c)
	if found {
		fmt.Fprintf(os.Stderr, "using the development server in %s\n", c.DevDir)
	}

	err = c.Check()

	switch {
	case err == nil:
		return c, nil
	case c.DatabaseURL == "" && c.MasterKey == "":
		return c, fmt.Errorf("%w\nneither is needed where `toolkit-gateway dev` is running, in %s (DEV_DIR)", wrong(err), c.DevDir)
	}

	return c, wrong(err)
}

// Run serves.
func (serveCommand) Run(ctx context.Context) error {
	c, err := config.Load(environment())
	if err != nil {
		return wrong(err)
	}

	return app.Serve(ctx, c, nil)
}

// Run serves in development mode.
func (devCommand) Run(ctx context.Context) error {
	c, err := read()
	if err != nil {
		return err
	}

	return app.Dev(ctx, c, func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
}

// Run migrates.
func (command migrateCommand) Run(ctx context.Context) error {
	c, err := read()
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
		fmt.Printf(": applied %d of ours, %d of the job queue", len(result.Ours), len(result.Queue))
	}

	fmt.Println()

	if command.ServerRole == "" {
		return nil
	}

	if err := app.GrantServer(ctx, c.DatabaseURL, command.ServerRole); err != nil {
		return err
	}

	fmt.Printf("%s may serve, and change nothing in the audit log\n", command.ServerRole)

	return nil
}

// Run lists the settings.
func (configCommand) Run(ctx context.Context) error {
	c, err := config.Read(environment())

	for _, setting := range c.Settings() {
		fmt.Printf("%s=%s\n    %s\n", setting.Name, setting.Value, setting.Help)

		if setting.Default != "" {
			fmt.Printf("    Default: %s\n", setting.Default)
		}
	}

	if err == nil {
		err = app.CheckSettings(ctx, c)
	}

	if err != nil {
		return wrong(err)
	}

	return nil
}

// Run asks whether the gateway is ready.
func (healthcheckCommand) Run(ctx context.Context) error {
	c, err := read()
	if err != nil {
		return err
	}

	return app.HealthCheck(ctx, c.Addr)
}

// Run says the version.
func (versionCommand) Run() error {
	fmt.Println(app.Version())

	return nil
}
