package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/password"
)

const (
	importTarget = 0.50
	importMemory = 100 * megabyte
)

// imported is the creation time of all accounts of the file.
var imported = time.Date(2025, time.January, 1, 1, 24, 10, 109_000_000, time.UTC)

// measureImport imports accounts of the previous gateway, beside a bare COPY of the same rows into the same table with
// its indexes and constraints; then one of them signs in with its previous password.
func measureImport(ctx context.Context, b *bench) ([]line, error) {
	const name, bare = "import", "import_bare"

	hash, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.DefaultCost)
	if err != nil {
		return nil, err
	}

	for _, one := range []string{name, bare} {
		if err := b.database.create(ctx, one, 0, 1, b.say); err != nil {
			return nil, err
		}
	}

	var (
		ours, theirs time.Duration
		peak         int64
		size         = max(1, b.imports/b.parts)
		accounts     = size * b.parts
	)

	for from := 0; from < accounts; from += size {
		took, highest, err := b.runImport(ctx, name, from, size, string(hash))
		if err != nil {
			return nil, err
		}

		ours += took
		peak = max(peak, highest)

		took, err = b.bareCopy(ctx, bare, from, size, string(hash))
		if err != nil {
			return nil, err
		}

		theirs += took

		b.say("  %d of %d accounts", from+size, accounts)
	}

	rehashed, err := b.signInImported(ctx, name, accounts/2)
	if err != nil {
		return nil, err
	}

	rate := func(d time.Duration) float64 { return float64(accounts) / d.Seconds() }
	ratio := rate(ours) / rate(theirs)

	return []line{
		{
			work: fmt.Sprintf("import of %d accounts", accounts), measured: fmt.Sprintf("%.0f/s, %.0f s", rate(ours), ours.Seconds()),
			beside: fmt.Sprintf("COPY of the same rows: %.0f/s", rate(theirs)),
			result: fmt.Sprintf("%.2f of the COPY", ratio), target: fmt.Sprintf("≥ %.2f", importTarget), held: ratio >= importTarget,
		},
		{
			work: "import: memory", measured: fmt.Sprintf("%.1f MB at the peak", float64(peak)/megabyte),
			target: "≤ 100 MB", held: peak <= importMemory,
		},
		{
			work: "import: sign-in with the earlier bcrypt hash", measured: "answered 200",
			result: "the hash is now " + rehashed, target: "argon2id", held: rehashed == "argon2id",
		},
	}, nil
}

// bareCopy is the minimum cost of the same rows.
func (b *bench) bareCopy(ctx context.Context, name string, from, n int, hash string) (took time.Duration, err error) {
	err = b.database.with(ctx, name, func(conn *pgx.Conn) error {
		begin := time.Now()

		err := copyRows(ctx, conn, "account", from, n, []string{
			"id", "email", "name", "password_hash", "member_group", "avatar", "picture", "phone", "status", "sign_in_count",
			"last_sign_in_at", "created_at", "updated_at", "version", "seen_at", "folded_name", "search",
		}, func(i int) []any {
			name := "Person " + strconv.Itoa(i)

			return []any{
				importedID(i), email(i), name, hash, "Member", int32(i % 8), "", nil, "active", int64(0),
				nil, imported, imported, int32(3), nil, account.Fold(name), account.SearchText(email(i), name, ""),
			}
		})
		took = time.Since(begin)

		return err
	})

	return took, err
}

// importedID increases with the time, as an ObjectID does.
func importedID(i int) string { return fmt.Sprintf("%08x%016x", 1_600_000_000+i/10, i) }

func writeAccounts(path string, from, n int, hash string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}

	out := bufio.NewWriterSize(file, 1<<20)

	for i := from; i < from+n; i++ {
		fmt.Fprintf(out, `{"_id":{"$oid":"%s"},"username":"Person %d","email":"%s","password":"%s","memberGroup":"Member","avatar":%d,`+
			`"createdAt":{"$date":"2025-01-01T01:24:10.109Z"},"updatedAt":{"$date":"2025-01-01T01:24:10.109Z"},"__v":3}`+"\n",
			importedID(i), i, email(i), hash, i%8)
	}

	return join(out.Flush(), file.Close())
}

// runImport returns the duration of the command, and its memory.
func (b *bench) runImport(ctx context.Context, name string, from, n int, hash string) (took time.Duration, peak int64, err error) {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return 0, 0, fmt.Errorf("folder of the import: %w", err)
	}

	file := filepath.Join(b.dir, "accounts.json")
	if err := writeAccounts(file, from, n, hash); err != nil {
		return 0, 0, err
	}

	command := exec.CommandContext(ctx, b.gateway, "account", "import", file)
	command.Env = slices.Concat(b.environ, []string{"DATABASE_URL=" + b.database.cluster.URL(name)})

	var out strings.Builder
	command.Stdout, command.Stderr = &out, os.Stderr

	begin := time.Now()
	if err := command.Start(); err != nil {
		return 0, 0, err
	}

	ended := make(chan error, 1)

	go func() { ended <- command.Wait() }()

	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()

	memory := watch(command.Process.Pid)
	defer memory.end() //nolint:errcheck // the process is gone by then

	for {
		select {
		case err := <-ended:
			took = time.Since(begin)

			if err == nil && !strings.HasPrefix(out.String(), fmt.Sprintf("imported %d, already present 0, refused 0\n", n)) {
				err = errors.New(out.String())
			}

			return took, peak, err
		case <-tick.C:
			if _, highest, err := memory.read(); err == nil {
				peak = max(peak, highest)
			}
		}
	}
}

// signInImported returns how the password of an account is stored after its sign-in.
func (b *bench) signInImported(ctx context.Context, name string, i int) (scheme string, err error) {
	gateway, err := b.gatewayOn(ctx, name)
	if err != nil {
		return "", err
	}
	defer func() { err = join(err, gateway.stop()) }()

	conn, err := dial(gateway.address)
	if err != nil {
		return "", err
	}
	defer conn.close()

	if _, err := conn.want(loginRequest(i)); err != nil {
		return "", fmt.Errorf("sign-in of an imported account: %w", err)
	}

	var hash string

	err = b.database.with(ctx, name, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT password_hash FROM account WHERE email = $1", email(i)).Scan(&hash)
	})

	return password.Scheme(hash), err
}
