package transfer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/transfer"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

var commandLine = origin.Command("test")

// bcrypted is a hash for which nothing was computed.
const bcrypted = "$2b$10$abcdefghijklmnopqrstuu5Xn1XjHfQcGmTMgBKkWhXvJnXWJDhba"

// env is an empty database.
type env struct {
	*transfer.Transfer

	db   *postgres.DB
	pool *pgxpool.Pool
	keys *keyring.Keyring
}

func setup(t *testing.T) *env {
	t.Helper()

	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}

	return setupWith(t, keys)
}

func setupWith(t *testing.T, keys *keyring.Keyring) *env {
	t.Helper()

	url := postgrestest.New(t)

	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(pool.Close)

	database, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(database.Close)

	clock := &apptest.Clock{}

	return &env{Transfer: transfer.New(transfer.Deps{DB: database, Keys: keys, Now: clock.Now}), db: database, pool: pool, keys: keys}
}

// outcome is the result of an import.
type outcome struct {
	transfer.Progress

	remarks []transfer.Remark
	err     error
}

// imports imports a text as a file.
func (e *env) imports(t *testing.T, text string, change ...func(*transfer.Options)) outcome {
	t.Helper()

	return e.importsFrom(t, transfer.Input{Name: "accounts", From: strings.NewReader(text), Size: int64(len(text))}, change...)
}

func (e *env) importsFrom(t *testing.T, in transfer.Input, change ...func(*transfer.Options)) (o outcome) {
	t.Helper()

	options := transfer.Options{Format: transfer.Auto, Group: "None", Remark: func(r transfer.Remark) { o.remarks = append(o.remarks, r) }}
	for _, one := range change {
		one(&options)
	}

	o.Progress, o.err = e.Import(origin.With(t.Context(), commandLine), in, options)

	return o
}

// succeeds expects these counts, and these remarks, in order and in part.
func (o outcome) succeeds(t *testing.T, imported, present int64, remarks ...string) {
	t.Helper()

	if o.err != nil {
		t.Errorf("import: %v", o.err)
	}

	if o.Imported != imported || o.Present != present {
		t.Errorf("imported %d, present %d, want %d and %d", o.Imported, o.Present, imported, present)
	}

	refused := int64(0)

	for i, remark := range o.remarks {
		if !remark.Imported {
			refused++
		}

		if i >= len(remarks) || !strings.Contains(remark.String(), remarks[i]) {
			t.Errorf("remark %d: %s, want of %q", i, remark, remarks)
		}
	}

	if len(o.remarks) < len(remarks) {
		t.Errorf("remarks %v, want %q", o.remarks, remarks)
	}

	if o.Refused != refused {
		t.Errorf("refused %d of %v", o.Refused, o.remarks)
	}
}

// exports returns the text of an export.
func (e *env) exports(t *testing.T, x transfer.Extract) string {
	t.Helper()

	var out bytes.Buffer

	count, err := e.Export(origin.With(t.Context(), commandLine), &out, x)
	if err != nil {
		t.Fatal(err)
	}

	lines := int64(strings.Count(out.String(), "\n"))
	if x.Format == transfer.CSV {
		lines--
	}

	if count != lines {
		t.Errorf("said %d, and wrote %d", count, lines)
	}

	return out.String()
}

// value returns the value of a row and column.
func value[T any](t *testing.T, e *env, query string, args ...any) (v T) {
	t.Helper()

	if err := e.pool.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}

	return v
}

func (e *env) accounts(t *testing.T) int64 {
	t.Helper()

	return value[int64](t, e, "SELECT count(*) FROM account")
}

// object returns a line of JSON, from pairs of a name and a value; without is a name to leave out.
func object(pairs ...any) string {
	var parts []string

	for i := 0; i < len(pairs); i += 2 {
		text, err := json.Marshal(pairs[i+1])
		if err != nil {
			panic(err)
		}

		parts = append(parts, fmt.Sprintf("%q:%s", pairs[i], text))
	}

	return "{" + strings.Join(parts, ",") + "}"
}

// gatewayLine returns an account of the previous gateway, whose id and address follow from the number.
func gatewayLine(i int) string {
	return fmt.Sprintf(`{"_id":{"$oid":"%024x"},"username":"Person %d","email":"person%d@konec.test","password":"%s",`+
		`"memberGroup":"Member","avatar":%d,"createdAt":{"$date":"2025-01-01T01:24:10.109Z"},"updatedAt":{"$date":"2025-02-02T16:39:48.441Z"},"__v":3}`,
		i, i, i, bcrypted, i%8)
}

func gatewayLines(from, to int) string {
	var text strings.Builder
	for i := from; i < to; i++ {
		text.WriteString(gatewayLine(i) + "\n")
	}

	return text.String()
}

// file writes a text to a temporary file.
func file(t *testing.T, text string) string {
	t.Helper()

	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

func read(t *testing.T, path string) string {
	t.Helper()

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

// once hides that a reader can seek, as standard input cannot.
type once struct{ io.Reader }
