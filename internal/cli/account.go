package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/konec/toolkit-gateway/internal/app"
)

// The commands about accounts.
type (
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
)

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

	return importAccounts(ctx, c, accountFile{
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

	return exportAccounts(ctx, c, command.File, command.Format, command.TOTPSecrets, os.Stdout, os.Stderr)
}
