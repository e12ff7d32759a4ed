// Toolkit Gateway is the account-authentication gateway of the Toolkit apps. This file holds the
// commands; what they do is in internal/app.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/config"
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

	auditCommand struct {
		Verify auditVerifyCommand `cmd:"" help:"Look through the whole audit log; exit 0 where nothing was changed, taken out or put in. Needs DATABASE_URL and MASTER_KEY."`
	}
	auditVerifyCommand struct {
		Head string `placeholder:"SEQ:HASH" help:"A head of the chain that was kept elsewhere, out of the server's log or an earlier verification: shows where the chain was cut off since."`
	}

	accountCommand struct {
		Create   accountCreateCommand   `cmd:"" help:"Create an account, without a code: you vouch for the address."`
		FirstRun accountFirstRunCommand `cmd:"" help:"Print a link to a page that makes the first administrator: good for a day, once, and only while there is none."`
		SetGroup accountSetGroupCommand `cmd:"" help:"Assign the member group of an account. It counts from the next request on."`
		Disable  accountDisableCommand  `cmd:"" help:"Stop an account from signing in, and end all its sessions at once."`
		Enable   accountEnableCommand   `cmd:"" help:"Let a disabled account sign in again."`
		Import   accountImportCommand   `cmd:"" help:"Bring accounts in from a file, an account a line."`
		Export   accountExportCommand   `cmd:"" help:"Write every account to a file that account import reads."`
	}
	accountCreateCommand struct {
		Email         string `required:"" help:"The e-mail address."`
		Name          string `required:"" help:"The name shown to people."`
		Group         string `default:"None" help:"The member group: ${default} by default."`
		PasswordStdin bool   `help:"Read the password from the first line of standard input. Without this a random one is made and printed."`
	}
	accountFirstRunCommand struct{}
	accountSetGroupCommand struct {
		Email string `arg:"" help:"The e-mail address of the account."`
		Group string `arg:"" help:"The member group, as in None, Tester, Member, Admin."`
	}
	accountDisableCommand struct {
		Email string `arg:"" help:"The e-mail address of the account."`
	}
	accountEnableCommand struct {
		Email string `arg:"" help:"The e-mail address of the account."`
	}
	accountImportCommand struct {
		File         string `arg:"" help:"The file; - for standard input, which cannot be gone on with after a break."`
		Format       string `default:"auto" enum:"auto,gateway,public,json,csv" help:"gateway or public: mongoexport of the services before; json or csv: as account export writes. auto goes by the first line."`
		Group        string `default:"None" help:"The member group of accounts that the file names none for: ${default} by default."`
		CreateGroups bool   `help:"Make member groups that are missing, without rights. Without this their accounts are refused."`
		DryRun       bool   `help:"Do everything but write."`
		Report       string `placeholder:"FILE" help:"Write every line that is refused to a file, as JSON lines. Without this the first 20 are shown."`
	}
	accountExportCommand struct {
		File        string `arg:"" default:"-" help:"The file, which only you may read then; standard output by default."`
		Format      string `default:"json" enum:"json,csv" help:"json: an object a line; or csv."`
		TOTPSecrets bool   `name:"totp-secrets" help:"With the secrets of authenticator apps: whoever reads the file can sign in with them."`
	}

	keyCommand struct {
		List   keyListCommand   `cmd:"" help:"List the signing keys and their stages."`
		Rotate keyRotateCommand `cmd:"" help:"Make a new signing key: published now, signing in ten minutes. Nobody is signed out."`
	}
	keyListCommand   struct{}
	keyRotateCommand struct {
		Immediately bool `help:"For a key that may have leaked: the new one signs at once, and every access token out there is dead. The apps refresh. The other replicas follow within 30 seconds."`
	}
)

func main() {
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

	args := os.Args[1:]
	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:], "--help")
	}

	command, err := parser.Parse(args)
	parser.FatalIfErrorf(err)

	if err := command.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "toolkit-gateway: %v\n", err)

		if errors.Is(err, app.ErrRefusedLines) {
			os.Exit(2)
		}

		os.Exit(1)
	}
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

// Run verifies the audit log.
func (command auditVerifyCommand) Run(ctx context.Context) error {
	c, err := operate(ctx)
	if err != nil {
		return err
	}

	told := time.Now()

	verdict, err := app.VerifyAudit(ctx, c, command.Head, func(part string, done, of int64) {
		if done < of && time.Since(told) >= 2*time.Second {
			told = time.Now()
			fmt.Fprintf(os.Stderr, "%s: %d of %d\n", part, done, of)
		}
	})
	if err != nil {
		return err
	}

	fmt.Printf("%d events are sealed, %d wait for it\n", verdict.Sealed, verdict.Waiting)

	if verdict.Sealed > 0 {
		fmt.Printf("from %s to %s\nhead %s\n", verdict.Oldest.Format(time.RFC3339), verdict.Newest.Format(time.RFC3339), verdict.Head)
	}

	for _, note := range verdict.Notes {
		fmt.Println("note:", note)
	}

	for _, fault := range verdict.Faults {
		fmt.Println("FAULT:", fault)
	}

	switch more := verdict.FaultCount - int64(len(verdict.Faults)); {
	case more > 0:
		return fmt.Errorf("the audit log is not as it was written: %d faults, %d more than are shown", verdict.FaultCount, more)
	case verdict.FaultCount > 0:
		return fmt.Errorf("the audit log is not as it was written: %d faults", verdict.FaultCount)
	}

	return nil
}

// Run creates an account.
func (command accountCreateCommand) Run(ctx context.Context) error {
	c, err := operate(ctx)
	if err != nil {
		return err
	}

	var plain string
	if command.PasswordStdin {
		if plain, err = firstLine(os.Stdin); err != nil {
			return err
		}
	}

	created, used, err := app.CreateAccount(ctx, c, app.NewAccount{
		Email: command.Email, Name: command.Name, Group: command.Group, Password: plain,
	})
	if err != nil {
		return err
	}

	fmt.Printf("created %s %s in group %s\n", created.ID, created.Email, created.MemberGroup)

	if plain == "" {
		fmt.Printf("password: %s\n", used)
	}

	return nil
}

// Run prints the link of the first administrator.
func (accountFirstRunCommand) Run(ctx context.Context) error {
	c, err := operate(ctx)
	if err != nil {
		return err
	}

	link, err := app.FirstRunLink(ctx, c)
	if err != nil {
		return err
	} else if link == "" {
		return errors.New("there is an administrator already; account create and account set-group make more")
	}

	fmt.Println(link)

	return nil
}

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}

	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("--password-stdin: standard input is empty")
	}

	return line, nil
}

// Run assigns a member group.
func (command accountSetGroupCommand) Run(ctx context.Context) error {
	c, err := operate(ctx)
	if err != nil {
		return err
	}

	changed, err := app.SetGroup(ctx, c, command.Email, command.Group)
	if err != nil {
		return err
	}

	fmt.Printf("%s is in group %s\n", changed.Email, changed.MemberGroup)

	return nil
}

// Run disables an account.
func (command accountDisableCommand) Run(ctx context.Context) error {
	return setStatus(ctx, command.Email, app.Disabled)
}

// Run enables an account.
func (command accountEnableCommand) Run(ctx context.Context) error {
	return setStatus(ctx, command.Email, app.Active)
}

func setStatus(ctx context.Context, email string, status app.Status) error {
	c, err := operate(ctx)
	if err != nil {
		return err
	}

	changed, err := app.SetStatus(ctx, c, email, status)
	if err != nil {
		return err
	}

	fmt.Printf("%s is %s\n", changed.Email, changed.Status)

	return nil
}

// Help is shown below the summary.
func (accountImportCommand) Help() string {
	return "A line that cannot be imported is reported with its number, the field and the reason, and the others go on. " +
		"What is in is committed as it goes: after a break the same command goes on behind it, and nobody is in twice.\n\n" +
		"Exit code 0: every line is in. 2: some were refused. 1: it failed on the way."
}

// Run imports.
func (command accountImportCommand) Run(ctx context.Context) error {
	c, err := operate(ctx)
	if err != nil {
		return err
	}

	return app.ImportAccounts(ctx, c, app.AccountFile{
		Path: command.File, Format: command.Format, Group: command.Group,
		CreateGroups: command.CreateGroups, DryRun: command.DryRun, Report: command.Report,
	}, os.Stdout, os.Stderr)
}

// Run exports.
func (command accountExportCommand) Run(ctx context.Context) error {
	c, err := operate(ctx)
	if err != nil {
		return err
	}

	return app.ExportAccounts(ctx, c, command.File, command.Format, command.TOTPSecrets, os.Stdout, os.Stderr)
}

// Run lists the signing keys.
func (keyListCommand) Run(ctx context.Context) error {
	c, err := operate(ctx)
	if err != nil {
		return err
	}

	lines, err := app.ListKeys(ctx, c)
	if err != nil {
		return err
	}

	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tSTAGE\tMADE\tSIGNS FROM\tVERIFIES UNTIL")

	for _, line := range lines {
		until := "-"
		if line.RetiresAt != nil {
			until = line.RetiresAt.UTC().Format(time.RFC3339)
		}

		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", line.ID, line.Stage,
			line.CreatedAt.UTC().Format(time.RFC3339), line.SignsAt.UTC().Format(time.RFC3339), until)
	}

	return table.Flush() //nolint:wrapcheck // standard output
}

// Run rotates the signing key.
func (command keyRotateCommand) Run(ctx context.Context) error {
	c, err := operate(ctx)
	if err != nil {
		return err
	}

	created, err := app.RotateKey(ctx, c, command.Immediately)
	if err != nil {
		return err
	}

	fmt.Printf("made %s, which signs from %s\n", created.ID, created.SignsAt.UTC().Format(time.RFC3339))

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
