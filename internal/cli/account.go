package cli

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
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
)

// Run creates an account.
func (command accountCreateCommand) Run(ctx context.Context, i invocation) error {
	email, err := account.ParseEmail(command.Email)
	if err != nil {
		return errors.New("--email: not an e-mail address")
	}

	name, err := account.ParseName(command.Name)
	if err != nil {
		return errors.New("--name: one line of 1 to 64 characters")
	}

	plain := inventPassword()
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

		created, err := a.Accounts.Create(ctx, i.by, account.Creation{
			Email: email, Name: name, PasswordHash: hash, MemberGroup: command.Group,
		})
		if err != nil {
			return namingGroups(ctx, a, err)
		}

		fmt.Printf("created %s %s in group %s\n", created.ID, created.Email, created.MemberGroup)

		if !command.PasswordStdin {
			fmt.Printf("password: %s\n", plain)
		}

		return nil
	})
}

// checkPassword names the least length, which the policy's own reason does not.
func checkPassword(policy password.Policy, plain, email, name string) error {
	if utf8.RuneCountInString(plain) < policy.MinLength {
		return fmt.Errorf("too short, %d characters are the least", policy.MinLength)
	}

	return inWords(policy.Check(plain, email, name))
}

// inventPassword has 96 random bits.
func inventPassword() string {
	var random [12]byte

	rand.Read(random[:]) // never fails

	return base64.RawURLEncoding.EncodeToString(random[:])
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

// Run prints the link of the first administrator.
func (accountFirstRunCommand) Run(ctx context.Context, i invocation) error {
	c, err := i.gateway(ctx)
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

// Run assigns a member group.
func (command accountSetGroupCommand) Run(ctx context.Context, i invocation) error {
	return i.change(ctx, command.Email, func(ctx context.Context, a *app.App, target account.Target) error {
		changed, err := a.Accounts.SetGroup(ctx, i.by, group.Operator(), idempotency.Key{}, target, command.Group, "")
		if err != nil {
			return namingGroups(ctx, a, err)
		}

		fmt.Printf("%s is in group %s\n", changed.Email, changed.MemberGroup)

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
	return i.change(ctx, email, func(ctx context.Context, a *app.App, target account.Target) error {
		changed, err := a.Accounts.SetStatus(ctx, i.by, group.Operator(), idempotency.Key{}, target, status, "")
		if err != nil {
			return inWords(err)
		}

		fmt.Printf("%s is %s\n", changed.Email, changed.Status)

		return nil
	})
}

// change looks up the account with the address, in whichever version, for a command that changes it.
func (i invocation) change(ctx context.Context, address string, run func(context.Context, *app.App, account.Target) error) error {
	email, err := account.ParseEmail(address)
	if err != nil {
		return errors.New("not an e-mail address")
	}

	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		id, err := a.Accounts.IDOf(ctx, email)
		if err != nil {
			return err
		}

		return run(ctx, a, account.Target{ID: id})
	})
}

// namingGroups adds to the refusal of an unknown group those that there are.
func namingGroups(ctx context.Context, a *app.App, refusal error) error {
	if !errors.Is(refusal, account.ErrUnknownGroup) {
		return inWords(refusal)
	}

	names, err := a.Groups.Names(ctx)
	if err != nil {
		return refusal
	}

	return fmt.Errorf("%w; there are %s", refusal, strings.Join(names, ", "))
}

// inWords is why something was refused. The problem's own text is its code, which tells an operator
// too little.
func inWords(err error) error {
	told, ok := errors.AsType[*problem.Problem](err)

	switch {
	case !ok || told.Kind == problem.Unavailable || told.Kind == problem.Internal:
		return err
	case len(told.Fields) == 0:
		return errors.New(told.Message(language.English))
	}

	return errors.New(told.Fields[0].Message.In(language.English))
}
