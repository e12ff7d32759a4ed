package privacy_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/platform/pgcluster"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// searchableGateway is a secretGateway whose every store can be searched. Its database has a server of its own, which
// logs every statement with its parameters; its messages and Lark sign-ins go through servers of the test.
type searchableGateway struct {
	*secretGateway

	gateway     *world.Gateway
	lark        *world.FakeLark
	smsProvider *world.SMSProvider
	cluster     *pgcluster.Cluster
	firstWAL    string
}

func newSearchableGateway(t *testing.T) *searchableGateway {
	t.Helper()

	cluster, database := postgrestest.NewCluster(t, false)
	s := &searchableGateway{lark: world.NewFakeLark(t), smsProvider: world.NewSMSProvider(t), cluster: cluster}
	sink := smtptest.New(t, smtptest.Options{})

	settings := func(c *apptest.Settings) {
		world.WithLark(s.lark.URL)(c)
		world.WithoutNetworkLimits(c)

		c.SMTPURL = sink.URL()
		c.SMSURL, c.SMSWebhookSecret = s.smsProvider.URL+"/canary-of-the-path?key=canary-of-the-query", world.SMSSecret
	}

	s.firstWAL = logEveryStatement(t, database)
	s.secretGateway = recordSecrets(&world.MailGateway{Env: apptest.On(t, database, settings), Sink: sink})
	s.gateway = world.GatewayOn(t, s.Env)

	return s
}

// logEveryStatement makes Postgres log every statement of later connections, and returns the current WAL file.
func logEveryStatement(t *testing.T, database string) (walFile string) {
	t.Helper()

	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())

	for _, setting := range []string{"log_statement = 'all'", "log_parameter_max_length_on_error = -1", "log_error_verbosity = 'verbose'"} {
		if _, err := conn.Exec(t.Context(), "ALTER ROLE postgres SET "+setting); err != nil {
			t.Fatal(err)
		}
	}

	if err := conn.QueryRow(t.Context(), "SELECT pg_walfile_name(pg_switch_wal() + 1)").Scan(&walFile); err != nil {
		t.Fatal(err)
	}

	return walFile
}

// T-29, R-K2, R-K3, R-C8, R-C9, R-L1, F-06: a secret that was sent or received is in the one message only. It is in no
// log, no table, no metric, no error, and nothing that Postgres writes.
func TestSecretsAreFoundNowhere(t *testing.T) {
	t.Parallel()

	s := newSearchableGateway(t)
	s.useToolkit(t)
	s.usePublic(t)
	s.awaitMessages(t)
	s.addSettings()

	stores := map[string]string{
		"the log": s.Log.String(), "the database": dump(t, s.MailGateway), "the metrics": s.Metrics(t), "an error's body": s.errors.String(),
		"what profiles show": s.profiles(t), "Postgres's log": s.postgresLog(t), "Postgres's WAL": s.wal(t), "a dump": s.pgDump(t),
	}

	for store, text := range stores {
		if len(text) < 1000 {
			t.Errorf("%s is nearly empty: %s", store, text)
		}

		for what, secret := range s.secrets {
			if at := find(text, secret); at >= 0 {
				t.Errorf("%s is in %s: %q", what, store, text[max(0, at-160):min(len(text), at+160)])
			}
		}
	}

	// A server may quote a message that it refused, and the quote is not stored. Ids are excluded from the search.
	const digits = `~ '(^|[^0-9])[0-9]{6}([^0-9]|$)'`

	for query, want := range map[string]bool{
		`SELECT count(*) FROM delivery WHERE regexp_replace(last_error, '<[^>]*>', '') ` + digits:                         false,
		`SELECT count(*) FROM river_job j, unnest(j.errors) e WHERE regexp_replace(e->>'error', '<[^>]*>', '') ` + digits: false,
		`SELECT count(*) FROM delivery WHERE last_error LIKE '%[code]%'`:                                                  true,
	} {
		if got := s.gateway.Count(t, query); (got > 0) != want {
			t.Errorf("%s: %d rows", query, got)
		}
	}

	// The search itself works: it finds these.
	for store, there := range map[string]string{
		"the log": `"operation":"register"`, "the database": ownerEmail, "the metrics": `operation="refresh"`, "an error's body": "INVALID_CREDENTIALS",
		"what profiles show": "goroutine", "Postgres's log": browserOwnerEmail, "Postgres's WAL": browserOwnerEmail, "a dump": browserOwnerEmail,
	} {
		if find(stores[store], there) < 0 {
			t.Errorf("not even %q is in %s", there, store)
		}
	}

	// R-K4: names are only where they are needed.
	for _, store := range []string{"the log", "the metrics", "what profiles show"} {
		if at := regexp.MustCompile(`@konec|%40konec|[^0-9.]86139[0-9]{8}[^0-9]`).FindStringIndex(stores[store]); at != nil {
			t.Errorf("%s contains a name: %q", store, stores[store][max(0, at[0]-160):min(len(stores[store]), at[1]+160)])
		}
	}

	t.Logf("%d secrets in %d stores", len(s.secrets), len(stores))
}

// addSettings adds the secret settings.
func (s *searchableGateway) addSettings() {
	for _, setting := range s.Config.Settings() {
		if setting.Secret && setting.Value != "" && setting.Name != "DATABASE_URL" && setting.Name != "SMTP_URL" { // these have no password here
			s.add(setting.Name, setting.Value)
		}
	}

	s.add("path of SMS_URL", "canary-of-the-path")
	s.add("query of SMS_URL", "canary-of-the-query")
	s.add("secret of SMS_WEBHOOK_SECRET", strings.TrimPrefix(world.SMSSecret, "whsec_"))
}

// awaitMessages waits until every message was sent, or was tried.
func (s *searchableGateway) awaitMessages(t *testing.T) {
	t.Helper()
	apptest.Eventually(t, "every message was tried", func() bool {
		return s.gateway.Count(t, "SELECT count(*) FROM delivery WHERE state = 'queued' AND attempts = 0") == 0
	})

	for _, message := range s.Inbox.Messages() {
		if message.Code != "" {
			s.add("code to "+message.To+" "+message.Code, message.Code)
		}

		if link, err := url.Parse(message.Link); err == nil && message.Link != "" {
			s.add("link to "+message.To, link.Query().Get("token"))
		}
	}
}

// measuredNumbers matches the runtime's numbers in a profile, some of which look like codes: sizes, pauses, ids of
// goroutines.
var measuredNumbers = regexp.MustCompile(`(?m)\d+: \d+ \[\d+: \d+\] @|^# \w+ = [\[\]0-9. ]+$|(goroutine) \d+`)

// profiles returns what the private listener shows of the running process, without measured numbers.
func (s *searchableGateway) profiles(t *testing.T) string {
	t.Helper()

	var text strings.Builder

	for _, path := range []string{"goroutine?debug=2", "heap?debug=1", "cmdline"} {
		response := httptest.NewRecorder()
		s.App.Private().ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/pprof/"+path, nil))
		text.WriteString(response.Body.String())
	}

	return measuredNumbers.ReplaceAllString(text.String(), "$1")
}

// postgresLog returns the log of Postgres without process ids, which look like codes.
func (s *searchableGateway) postgresLog(t *testing.T) string {
	t.Helper()

	text, err := os.ReadFile(s.cluster.LogFile())
	if err != nil {
		t.Fatal(err)
	}

	if !bytes.Contains(text, []byte("parameters: $1 = ")) {
		t.Error("Postgres logs no parameters")
	}

	return string(regexp.MustCompile(`(?m)^[^\[\n]*\[[0-9]+\] `).ReplaceAll(text, nil))
}

// wal returns what was written to the WAL since the gateway started, without the empty rest of each page.
func (s *searchableGateway) wal(t *testing.T) string {
	t.Helper()

	files, err := filepath.Glob(filepath.Join(s.cluster.Dir(), "data", "pg_wal", strings.Repeat("[0-9A-F]", 24)))
	if err != nil {
		t.Fatal(err)
	}

	slices.Sort(files)

	var text bytes.Buffer

	for _, file := range files {
		if filepath.Base(file) < s.firstWAL {
			continue
		}

		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}

		text.Write(regexp.MustCompile(`\x00{8,}`).ReplaceAll(raw, []byte{0}))
	}

	return text.String()
}

// pgDump returns a dump as an operator makes it.
func (s *searchableGateway) pgDump(t *testing.T) string {
	t.Helper()

	bin, err := pgcluster.FindBinaries()
	if err != nil {
		t.Fatal(err)
	}

	text, err := exec.CommandContext(t.Context(), filepath.Join(bin, "pg_dump"), "--inserts", s.Config.DatabaseURL).Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}

	return string(text)
}

// find returns the position of a secret, in any of its forms, or -1.
func find(text, secret string) int {
	if len(secret) == 6 && strings.Trim(secret, "0123456789") == "" {
		// Six digits can be guessed from a digest that uses no key (R-C8).
		short, long, old := sha1.Sum([]byte(secret)), sha256.Sum256([]byte(secret)), md5.Sum([]byte(secret))

		for _, digest := range []string{string(short[:]), string(long[:]), string(old[:])} {
			if at := findForms(text, digest); at >= 0 {
				return at
			}
		}

		return findAlone(text, secret)
	}

	if at := findForms(text, secret); at >= 0 || len(secret) < 22 {
		return at
	}

	// The raw bytes of a random value are as secret as their base64 form.
	if raw, err := base64.RawURLEncoding.DecodeString(secret); err == nil {
		return findForms(text, string(raw))
	}

	return -1
}

func findForms(text, secret string) int {
	quoted, _ := json.Marshal(secret) // a string can always be encoded

	for _, form := range []string{
		secret, url.QueryEscape(secret), string(quoted[1 : len(quoted)-1]), hex.EncodeToString([]byte(secret)),
		base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	} {
		if at := strings.Index(text, form); at >= 0 {
			return at
		}
	}

	return -1
}

// findAlone finds the digits only if they are not part of a time, a number or an id.
func findAlone(text, digits string) int {
	const around = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.+/_-"

	for from := 0; ; {
		at := strings.Index(text[from:], digits)
		if at < 0 {
			return -1
		}

		at += from
		from = at + len(digits)

		if (at == 0 || !strings.ContainsRune(around, rune(text[at-1]))) && (from == len(text) || !strings.ContainsRune(around, rune(text[from]))) {
			return at
		}
	}
}

// dump returns every row of every table as text, and every byte string also as raw bytes.
func dump(t *testing.T, g *world.MailGateway) string {
	t.Helper()

	var tables []string

	err := g.Pool.QueryRow(t.Context(), `
		SELECT array_agg(quote_ident(schemaname) || '.' || quote_ident(tablename)) FROM pg_tables
		WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`).Scan(&tables)
	if err != nil {
		t.Fatal(err)
	}

	var dump strings.Builder

	for _, table := range tables {
		rows, err := g.Pool.Query(t.Context(), `SELECT row_to_json(t)::text FROM `+table+` t`)
		if err != nil {
			t.Fatal(err)
		}

		for rows.Next() {
			var row string
			if err := rows.Scan(&row); err != nil {
				t.Fatal(err)
			}

			dump.WriteString(table + " " + row + "\n")
		}

		if rows.Err() != nil {
			t.Fatal(rows.Err())
		}
	}

	text := dump.String()

	for _, found := range regexp.MustCompile(`\\x([0-9a-f]{2,})`).FindAllStringSubmatch(text, -1) {
		if raw, err := hex.DecodeString(found[1]); err == nil {
			dump.Write(raw)
			dump.WriteByte('\n')
		}
	}

	if !strings.Contains(text, "river_job") || !strings.Contains(text, "public.delivery") {
		t.Errorf("the dump lacks tables: %q", tables)
	}

	return dump.String()
}
