// Package cli holds the commands: their flags, what they print, and their exit codes. The work is done by the domain,
// which internal/app puts together for them.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
)

type commands struct {
	Serve       serveCommand       `cmd:"" help:"Run the gateway. Needs DATABASE_URL (migrated) and MASTER_KEY."`
	Dev         devCommand         `cmd:"" help:"Run the gateway in development mode, without any preparation: a private Postgres, migrated, and an inbox page for its mail."`
	Migrate     migrateCommand     `cmd:"" help:"Migrate the database to the schema of this version. Safe to repeat and to run concurrently."`
	Audit       auditCommand       `cmd:"" help:"Verify the audit log's hash chain."`
	Account     accountCommand     `cmd:"" help:"Create, disable, enable, import and export accounts, and assign member groups."`
	Group       groupCommand       `cmd:"" help:"List and change the member groups."`
	Limits      limitsCommand      `cmd:"" help:"List the daily budgets over all accounts, and lift one that is spent."`
	Key         keyCommand         `cmd:"" help:"List and rotate the keys that sign access tokens."`
	Config      configCommand      `cmd:"" help:"List every setting with its value and meaning, then check them. Secrets are not shown."`
	Healthcheck healthcheckCommand `cmd:"" help:"Check whether the gateway at ADDR on this machine is ready. Exit code 0: it is."`
	Version     versionCommand     `cmd:"" help:"Print the version."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`
}

type versionCommand struct{}

// Run runs the command that the arguments name, in the environment, and returns the exit code. For help, and for
// arguments that it cannot parse, it ends the process itself.
func Run(args, environ []string) int {
	var c commands

	parser := kong.Must(&c,
		kong.Name("toolkit-gateway"),
		kong.Description("The account-authentication gateway of the Toolkit apps.\n\n"+
			"Settings come from the environment; `toolkit-gateway config` lists them. To try the gateway, run `toolkit-gateway dev`. "+
			"In the same folder, account, audit and key need no settings."),
		kong.ShortUsageOnError(),
		kong.Vars{"version": app.Version()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)

	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:], "--help")
	}

	command, err := parser.Parse(args)
	parser.FatalIfErrorf(err)

	// What a command does is recorded in the audit log under the path of the command itself, so that the two cannot differ.
	ctx := origin.With(context.Background(), origin.Command(command.Selected().Path()))
	command.BindTo(ctx, (*context.Context)(nil))

	err = command.Run(invocation{environment: variables(environ)})
	if err == nil {
		return 0
	}

	fmt.Fprintf(os.Stderr, "toolkit-gateway: %v\n", err)

	if errors.Is(err, errRefusedLines) {
		return 2
	}

	return 1
}

func variables(environ []string) map[string]string {
	values := make(map[string]string, len(environ))

	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = value
	}

	return values
}

// invocation is what a command receives beside its flags and arguments.
type invocation struct {
	environment map[string]string
}

// wrong introduces errors about settings.
func wrong(err error) error { return fmt.Errorf("settings are missing or wrong:\n%w", err) }

// settings reads the settings without checking them, for commands that do not need all of them.
func (i invocation) settings() (config.Config, error) {
	c, err := config.Read(i.environment)
	if err != nil {
		return c, wrong(err)
	}

	return c, nil
}

// gateway returns the settings of the gateway that an operator's command works on: those of the environment, or of the
// development server that is running in DEV_DIR.
func (i invocation) gateway(ctx context.Context) (config.Config, error) {
	c, err := i.settings()
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
		return c, fmt.Errorf("%w\nneither is needed while `toolkit-gateway dev` is running in %s (DEV_DIR)", wrong(err), c.DevDir)
	}

	return c, wrong(err)
}

// operate opens that gateway for one command.
func (i invocation) operate(ctx context.Context, run func(ctx context.Context, a *app.App) error) error {
	c, err := i.gateway(ctx)
	if err != nil {
		return err
	}

	return app.Operate(ctx, c, run)
}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Println(app.Version())

	return nil
}
