package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/caller"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/migration"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/sql/migrations"
)

// commandPatience is how long a command waits for a database that is away.
const commandPatience = 10 * time.Second

// version is set by the linker, see the Makefile.
var version string //nolint:gochecknoglobals // -ldflags -X can set nothing else

// Version is the released version, or the commit that was built.
func Version() string {
	if version != "" {
		return version
	}

	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}

	return "dev"
}

// Migrate brings the database to the schema of this binary, and answers what it applied.
func Migrate(ctx context.Context, databaseURL string) (migration.Result, error) {
	return migration.Up(ctx, databaseURL, migrations.FS)
}

// CheckSettings names every setting that cannot work, as serving would, and asks nobody else.
func CheckSettings(ctx context.Context, c config.Config) error {
	if err := c.Check(); err != nil {
		return err
	}

	a, err := New(ctx, Options{Config: c, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err == nil {
		a.db.Close()
	}

	return err
}

// Operate runs an operator's command against the database, without serving.
func Operate(ctx context.Context, c config.Config, run func(ctx context.Context, a *App) error) error {
	a, err := New(ctx, Options{Config: c, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		return err
	}
	defer a.db.Close()

	ctx = postgres.WithPatience(ctx, commandPatience)

	// What a command writes down is dated by this machine's clock.
	if asked := a.ask(ctx); errors.Join(asked.database, asked.migrations, asked.clock) != nil {
		return cmp.Or(asked.database, asked.migrations, asked.clock)
	}

	return run(ctx, a)
}

// NewAccount is what CreateAccount is given.
type NewAccount struct {
	Email    string
	Name     string
	Group    string
	Password string // empty: one is made up
}

// CreateAccount makes an account, and answers it with its password.
func CreateAccount(ctx context.Context, c config.Config, n NewAccount) (created account.Account, plain string, err error) {
	email, err := account.ParseEmail(n.Email)
	if err != nil {
		return created, "", errors.New("--email: not an e-mail address")
	}

	name, err := account.ParseName(n.Name)
	if err != nil {
		return created, "", errors.New("--name: one line of 1 to 64 characters")
	}

	if n.Password != "" && utf8.RuneCountInString(n.Password) < c.PasswordMinLength {
		return created, "", fmt.Errorf("password: too short, %d characters are the least", c.PasswordMinLength)
	}

	err = Operate(ctx, c, func(ctx context.Context, a *App) error {
		plain = n.Password
		if plain == "" {
			plain = inventPassword()
		} else if err := a.policy.Check(plain, email, name); err != nil {
			return fmt.Errorf("password: %w", inWords(err))
		}

		hash, err := a.hasher.Hash(ctx, plain)
		if err != nil {
			return err
		}

		created, err = a.accounts.Create(ctx, caller.Command("account create"), account.Creation{
			Email: email, Name: name, PasswordHash: hash, MemberGroup: n.Group,
		})

		return a.namingGroups(ctx, err)
	})

	return created, plain, err
}

// firstRunPage is the address of the page that makes the first administrator.
func firstRunPage(c config.Config) string { return c.PublicURL + "/first_run" }

// FirstRunLink makes the link to the page that makes the first administrator, in place of the one before it. It is empty
// where there is an administrator.
func FirstRunLink(ctx context.Context, c config.Config) (link string, err error) {
	err = Operate(ctx, c, func(ctx context.Context, a *App) error {
		token, err := a.firstRun.Offer(ctx)
		if token != "" {
			link = firstRunPage(c) + "?token=" + token
		}

		return err
	})

	return link, err
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

// inventPassword has 96 random bits.
func inventPassword() string {
	var random [12]byte

	rand.Read(random[:]) // never fails

	return base64.RawURLEncoding.EncodeToString(random[:])
}

// SetGroup assigns an account's member group.
func SetGroup(ctx context.Context, c config.Config, rawEmail, name string) (changed account.Account, err error) {
	email, err := account.ParseEmail(rawEmail)
	if err != nil {
		return changed, errors.New("not an e-mail address")
	}

	err = Operate(ctx, c, func(ctx context.Context, a *App) error {
		target, err := a.target(ctx, email)
		if err != nil {
			return err
		}

		found, err := a.accounts.SetGroup(ctx, caller.Command("account set-group"), group.Operator(), idempotency.Key{}, target, name, "")
		changed = found.Account

		return a.namingGroups(ctx, inWords(err))
	})

	return changed, err
}

// target is the account with the address, in whichever version.
func (a *App) target(ctx context.Context, email string) (account.Target, error) {
	id, err := a.accounts.IDOf(ctx, email)

	return account.Target{ID: id}, err
}

// namingGroups adds to the refusal of an unknown group those that there are.
func (a *App) namingGroups(ctx context.Context, refusal error) error {
	if !errors.Is(refusal, account.ErrUnknownGroup) {
		return refusal
	}

	var names []string

	err := a.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, "SELECT name FROM member_group ORDER BY name LIMIT 100")
		if err == nil {
			names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}

		return err
	})
	if err != nil {
		return refusal
	}

	return fmt.Errorf("%w; there are %s", refusal, strings.Join(names, ", "))
}

// Status says whether an account may sign in.
type Status = account.Status

// The statuses, for the commands.
const (
	Active   = account.Active
	Disabled = account.Disabled
)

// SetStatus disables an account, which ends its sessions, or enables it again.
func SetStatus(ctx context.Context, c config.Config, rawEmail string, status Status) (changed account.Account, err error) {
	email, err := account.ParseEmail(rawEmail)
	if err != nil {
		return changed, errors.New("not an e-mail address")
	}

	err = Operate(ctx, c, func(ctx context.Context, a *App) error {
		target, err := a.target(ctx, email)
		if err != nil {
			return err
		}

		found, err := a.accounts.SetStatus(ctx, caller.Command("account status"), group.Operator(), idempotency.Key{}, target, status, "")
		changed = found.Account

		return inWords(err)
	})

	return changed, err
}

// KeyLine is one signing key as `key list` shows it.
type KeyLine struct {
	token.Key

	Stage string
}

// ListKeys answers the signing keys that are not retired.
func ListKeys(ctx context.Context, c config.Config) (lines []KeyLine, err error) {
	err = Operate(ctx, c, func(ctx context.Context, a *App) error {
		if err := a.keys.Ensure(ctx); err != nil {
			return err
		}

		for _, key := range a.keys.List() {
			lines = append(lines, KeyLine{Key: key, Stage: a.keys.Stage(key)})
		}

		return nil
	})

	return lines, err
}

// RotateKey makes a new signing key, see token.Keys.Rotate.
func RotateKey(ctx context.Context, c config.Config, immediately bool) (created token.Key, err error) {
	err = Operate(ctx, c, func(ctx context.Context, a *App) error {
		created, err = a.keys.Rotate(ctx, caller.Command("key rotate"), immediately)

		return err
	})

	return created, err
}

// HealthCheck asks the gateway on this machine whether it is ready.
func HealthCheck(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
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

	// This machine is asked directly, whatever proxy the environment names.
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
