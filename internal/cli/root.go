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
	"github.com/konec/toolkit-gateway/internal/platform/caller"
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

type versionCommand struct{}

// Run runs the command that the arguments name, in the environment, and returns the exit code. For help, and for
// arguments that it cannot parse, it ends the process itself.
func Run(args, environ []string) int {
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

	err = command.Run(invocation{
		environment: variables(environ),
		by:          caller.Command(command.Selected().Path()),
	})
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
	by          caller.Caller // as the audit log names it: the command's own path, so that the two cannot differ
}

// wrong is what every command says of settings that it cannot work with.
func wrong(err error) error { return fmt.Errorf("settings are missing or wrong:\n%w", err) }

// settings are read without what is required, for commands that get by without it.
func (i invocation) settings() (config.Config, error) {
	c, err := config.Read(i.environment)
	if err != nil {
		return c, wrong(err)
	}

	return c, nil
}

// gateway is the settings of the gateway that an operator's command works on: of the environment, or of the development
// server that runs in DEV_DIR.
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
		return c, fmt.Errorf("%w\nneither is needed where `toolkit-gateway dev` is running, in %s (DEV_DIR)", wrong(err), c.DevDir)
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

// Run says the version.
func (versionCommand) Run() error {
	fmt.Println(app.Version())

	return nil
}
