package cli

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// The commands about accounts.
type (
	accountCommand struct {
		Create      accountCreateCommand      `cmd:"" help:"Create an account without a code: you vouch for the address."`
		FirstRun    accountFirstRunCommand    `cmd:"" help:"Print a link to the page that creates the first administrator. It works once, for a day, and only as long as no administrator exists."`
		SetGroup    accountSetGroupCommand    `cmd:"" help:"Assign the member group of an account, effective from its next request."`
		ResetFactor accountResetFactorCommand `cmd:"" help:"Remove a way to sign in that its user has lost: password, phone, totp (the authenticator app with its recovery codes) or lark."`
		Disable     accountDisableCommand     `cmd:"" help:"Disable an account and end all its sessions at once."`
		Enable      accountEnableCommand      `cmd:"" help:"Enable a disabled account."`
		Unlock      accountUnlockCommand      `cmd:"" help:"Lift every wait of an account: after failures, and for codes by mail or text message."`
		Import      accountImportCommand      `cmd:"" help:"Import accounts from a file."`
		Export      accountExportCommand      `cmd:"" help:"Export every account to a file that account import can read."`
	}
	accountCreateCommand struct {
		Email         string `required:"" help:"E-mail address of the account."`
		Name          string `required:"" help:"Display name of the account."`
		Group         string `default:"None" help:"Member group of the account. Default: ${default}."`
		PasswordStdin bool   `help:"Read the password from the first line of standard input. Otherwise a random password is generated and printed."`
	}
	accountFirstRunCommand struct{}
	accountSetGroupCommand struct {
		Email string `arg:"" help:"E-mail address of the account."`
		Group string `arg:"" help:"Member group, for example None, Tester, Member or Admin."`
	}
	accountResetFactorCommand struct {
		Email  string `arg:"" help:"E-mail address of the account."`
		Factor string `arg:"" enum:"password,phone,totp,lark" help:"What to remove: password, phone, totp or lark."`
	}
	accountDisableCommand struct {
		Email string `arg:"" help:"E-mail address of the account."`
	}
	accountEnableCommand struct {
		Email string `arg:"" help:"E-mail address of the account."`
	}
	accountUnlockCommand struct {
		Email string `arg:"" help:"E-mail address of the account."`
	}
)

// Run creates an account.
func (command accountCreateCommand) Run(ctx context.Context, i invocation) error {
	email, err := account.ParseEmail(command.Email)
	if err != nil {
		return errors.New("--email: not an e-mail address")
	}

	name, err := account.ParseName(command.Name)
	if err != nil {
		return errors.New("--name: must be one line of 1 to 64 characters")
	}

	plain := generatePassword()
	if command.PasswordStdin {
		if plain, err = firstLine(os.Stdin); err != nil {
			return err
		}
	}

	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		if command.PasswordStdin {
			if err := checkPassword(a.Passwords, plain, email, name); err != nil {
				return fmt.Errorf("password: %w", err)
			}
		}

		hash, err := a.Hasher.Hash(ctx, plain)
		if err != nil {
			return err
		}

		created, err := a.Accounts.Create(ctx, account.Creation{
			Email: email, Name: name, PasswordHash: hash, MemberGroup: command.Group,
		})
		if err != nil {
			return withGroups(ctx, a, err)
		}

		fmt.Printf("created %s %s in group %s\n", created.ID, created.Email, created.MemberGroup)

		if !command.PasswordStdin {
			fmt.Printf("password: %s\n", plain)
		}

		return nil
	})
}

// checkPassword applies the policy. It names the minimum length, which the policy's message does not.
func checkPassword(policy password.Policy, plain, email, name string) error {
	if utf8.RuneCountInString(plain) < policy.MinLength {
		return fmt.Errorf("too short, the minimum is %d characters", policy.MinLength)
	}

	return explained(policy.Check(plain, email, name))
}

// generatePassword returns a password of 96 random bits.
func generatePassword() string {
	return base64.RawURLEncoding.EncodeToString(randomid.Bytes(12))
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

// Run prints the link to the page that creates the first administrator.
func (accountFirstRunCommand) Run(ctx context.Context, i invocation) error {
	c, err := i.gateway(ctx)
	if err != nil {
		return err
	}

	link, err := app.FirstRunLink(ctx, c)
	if err != nil {
		return err
	} else if link == "" {
		return errors.New("an administrator already exists; create more with account create and account set-group")
	}

	fmt.Println(link)

	return nil
}

// Run assigns a member group.
func (command accountSetGroupCommand) Run(ctx context.Context, i invocation) error {
	return i.change(ctx, command.Email, func(ctx context.Context, a *app.App, change authority.Change) error {
		changed, err := a.Administration.SetGroup(ctx, change, command.Group)
		if err != nil {
			return withGroups(ctx, a, err)
		}

		fmt.Printf("%s is in group %s\n", changed.Email, changed.MemberGroup)

		return nil
	})
}

// Run removes a way to sign in.
func (command accountResetFactorCommand) Run(ctx context.Context, i invocation) error {
	return i.change(ctx, command.Email, func(ctx context.Context, a *app.App, change authority.Change) error {
		changed, err := a.Administration.ResetFactor(ctx, change, administration.Factor(command.Factor))
		if err != nil {
			return explained(err)
		}

		fmt.Printf("%s has no %s\n", changed.Email, command.Factor)

		return nil
	})
}

// watchAdministrators runs a change, which is not refused to an operator, and warns if it left no administrator who can
// sign in.
func watchAdministrators(ctx context.Context, a *app.App, change func() error) error {
	before, err := a.Groups.Administered(ctx)
	if err != nil {
		return err
	}

	if err := change(); err != nil {
		return err
	}

	after, err := a.Groups.Administered(ctx)
	if err != nil || after || !before {
		return err
	}

	fmt.Fprintln(os.Stderr, "warning: no one can sign in and administer any more. That takes an active account with a password, the rights accounts.write and "+
		"groups.write and, where two factors are asked for, an authenticator app or recovery codes. "+
		"account set-group, account enable, account reset-factor and group set are the way back.")

	return nil
}

// Run lifts the waits of an account.
func (command accountUnlockCommand) Run(ctx context.Context, i invocation) error {
	return i.change(ctx, command.Email, func(ctx context.Context, a *app.App, change authority.Change) error {
		if err := a.Administration.Unlock(ctx, change); err != nil {
			return explained(err)
		}

		fmt.Printf("%s need not wait\n", command.Email)

		return nil
	})
}

// Run disables an account.
func (command accountDisableCommand) Run(ctx context.Context, i invocation) error {
	return i.setStatus(ctx, command.Email, account.Disabled)
}

// Run enables an account.
func (command accountEnableCommand) Run(ctx context.Context, i invocation) error {
	return i.setStatus(ctx, command.Email, account.Active)
}

func (i invocation) setStatus(ctx context.Context, email string, status account.Status) error {
	return i.change(ctx, email, func(ctx context.Context, a *app.App, change authority.Change) error {
		changed, err := a.Administration.SetStatus(ctx, change, status)
		if err != nil {
			return explained(err)
		}

		fmt.Printf("%s is %s\n", changed.Email, changed.Status)

		return nil
	})
}

// change looks up the account with the address, and passes it to run, whatever its version.
func (i invocation) change(ctx context.Context, address string, run func(context.Context, *app.App, authority.Change) error) error {
	email, err := account.ParseEmail(address)
	if err != nil {
		return errors.New("not an e-mail address")
	}

	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		id, err := a.Accounts.IDOf(ctx, email)
		if err != nil {
			return err
		}

		return watchAdministrators(ctx, a, func() error {
			return run(ctx, a, authority.Change{Actor: authority.Operator(), Target: authority.Target{ID: id}})
		})
	})
}

// withGroups adds the existing groups to the refusal of an unknown one.
func withGroups(ctx context.Context, a *app.App, refusal error) error {
	if !errors.Is(refusal, account.ErrUnknownGroup) {
		return explained(refusal)
	}

	names, err := a.Groups.Names(ctx)
	if err != nil {
		return refusal
	}

	return fmt.Errorf("%w; the groups are %s", refusal, strings.Join(names, ", "))
}

// explained replaces a problem, whose text is its code, by its message for users: a code tells an operator too little.
func explained(err error) error {
	refused, ok := errors.AsType[*problem.Problem](err)

	switch {
	case !ok || refused.Kind == problem.Unavailable || refused.Kind == problem.Internal:
		return err
	case len(refused.Fields) == 0:
		return errors.New(refused.Message(language.English))
	}

	return errors.New(refused.Fields[0].Message.In(language.English))
}
