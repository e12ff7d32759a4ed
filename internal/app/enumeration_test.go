package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/account"
	"github.com/konec/toolkit-gateway/internal/apptest"
	"github.com/konec/toolkit-gateway/internal/caller"
	"github.com/konec/toolkit-gateway/internal/code"
	"github.com/konec/toolkit-gateway/internal/config"
	"github.com/konec/toolkit-gateway/internal/keyring"
	"github.com/konec/toolkit-gateway/internal/postgres"
)

// classes are the kinds of addresses that nobody may tell apart. The locked one has had many failures.
var classes = []string{"unknown", "registered", "disabled", "passwordless", "locked"}

func addressOfClass(class string) string { return class + "@konec.test" }

// newCrowd is a gateway with an account of every class. Nobody is slowed down there: failure_test.go says
// that all of them are alike.
func newCrowd(t *testing.T, change ...func(*config.Config)) *office {
	t.Helper()

	o := newOffice(t, append(change, manyFromOneNetwork, func(c *config.Config) { c.FailuresFree = 100 })...)
	for _, class := range classes[1:] {
		o.Account(t, addressOfClass(class))
	}

	database, err := postgres.Open(t.Context(), postgres.Options{URL: o.Config.DatabaseURL, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()

	_, err = account.New(database, o.Clock.Now).SetStatus(t.Context(), caller.Command("test"), addressOfClass("disabled"), account.Disabled)
	if err != nil {
		t.Fatal(err)
	}

	o.exec(t, `UPDATE account SET password_hash = NULL WHERE email = $1`, addressOfClass("passwordless"))

	for range 6 {
		o.answer(t, "/api/auth/login", url.Values{"email": {addressOfClass("locked")}, "password": {"wrong"}}.Encode())
	}

	return o
}

// answer is everything of an answer that a stranger sees, but for what differs each time.
func (o *office) answer(t *testing.T, path, body string) string {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	request.Header.Set("Content-Type", "application/json")
	if !strings.HasPrefix(body, "{") {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}

	response, err := o.HTTP.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	header := response.Header.Clone()
	header.Del("Date")
	header.Del("X-Request-Id")

	if wait := header.Get("Retry-After"); wait != "" {
		seconds, err := strconv.Atoi(wait)
		if err != nil || seconds < 1 {
			t.Errorf("Retry-After: %s", wait)
		}

		header.Set("Retry-After", fmt.Sprintf("about %d", (seconds+15)/30*30))
	}

	var seen bytes.Buffer

	fmt.Fprintf(&seen, "%s\n%s\n", response.Proto, response.Status)
	_ = header.Write(&seen) // sorted by name

	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatalf("%s: %v", text, err)
	}

	seen.Write(bytes.ReplaceAll(text, members["requestId"], []byte("ID")))

	return seen.String()
}

// registration is the body of a registration with a code.
func registration(email, password, code string) string {
	body, err := json.Marshal(map[string]string{"username": "X", "email": email, "password": password, "verificationCode": code})
	if err != nil {
		panic(err) // strings always have a JSON
	}

	return string(body)
}

// T-23, R-B1, R-B3, R-B4, R-B6: every operation answers every class alike, the first time and again.
func TestNobodyLearnsWhichAddressesHaveAccounts(t *testing.T) {
	t.Parallel()

	login := func(password string) func(string) string {
		return func(email string) string { return url.Values{"email": {email}, "password": {password}}.Encode() }
	}

	crowd := newCrowd(t)

	for _, c := range []struct {
		name  string
		path  string
		body  func(email string) string
		times int
		want  string // in the first answer
	}{
		{"Login/WrongPassword", "/api/auth/login", login("wrong"), 3, "INVALID_CREDENTIALS"},
		{"Login/LongPassword", "/api/auth/login", login(strings.Repeat("x", 1024)), 1, "INVALID_CREDENTIALS"},
		{"Login/OversizedOne", "/api/auth/login", login(strings.Repeat("x", 1025)), 1, "INVALID_REQUEST"},
		{"Register/WithoutCode", "/api/users/register", func(email string) string { return registration(email, apptest.Password, "123456") }, 2, "CODE_INVALID"},
		{"SendCode", "/api/users/register/send-code", func(email string) string { return `{"email":"` + email + `"}` }, 3, "200 OK"},
		{"Register/WrongCode", "/api/users/register", func(email string) string { return registration(email, apptest.Password, "123456") }, 7, "CODE_INVALID"},
		{"Register/BadPassword", "/api/users/register", func(email string) string { return registration(email, "password1", "123456") }, 2, "PASSWORD_REFUSED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for round := range c.times {
				control := crowd.answer(t, c.path, c.body(addressOfClass("unknown")))
				if round == 0 && !strings.Contains(control, c.want) {
					t.Fatalf("got %s, want %s", control, c.want)
				}

				for _, class := range classes[1:] {
					if got := crowd.answer(t, c.path, c.body(addressOfClass(class))); got != control {
						t.Errorf("call %d for %s answers\n%s\nand for an unknown address\n%s", round+1, class, got, control)
					}
				}
			}
		})
	}

	t.Run("Login/RightPasswordOfWhoMayNot", func(t *testing.T) {
		control := crowd.answer(t, "/api/auth/login", login(apptest.Password)(addressOfClass("unknown")))

		for _, class := range []string{"disabled", "passwordless"} {
			if got := crowd.answer(t, "/api/auth/login", login(apptest.Password)(addressOfClass(class))); got != control {
				t.Errorf("%s answers\n%s\nand an unknown address\n%s", class, got, control)
			}
		}

		if got := crowd.answer(t, "/api/auth/login", login(apptest.Password)(addressOfClass("registered"))); !strings.Contains(got, "200 OK") {
			t.Errorf("the right password answers %s", got)
		}
	})
}

// R-B4: the owner of a taken address is told by mail, without a code; and even the code that nobody was
// sent makes no second account, and no other answer.
func TestTakenAddress(t *testing.T) {
	t.Parallel()

	crowd := newCrowd(t)

	for _, class := range classes {
		email := addressOfClass(class)
		crowd.send(t, email)

		mail := crowd.arrived(t, email, 1)[0].Read(t)
		if taken := class != "unknown"; (mail.Subject == "您已经有 Toolkit 账号") != taken || codePattern.MatchString(mail.Parts[0].Body) == taken {
			t.Errorf("%s: mail %q", class, mail)
		}
	}

	email := addressOfClass("registered")
	wrong := crowd.answer(t, "/api/users/register", registration(email, apptest.Password, "111111"))

	crowd.plant(t, email, "222222")

	if got := crowd.answer(t, "/api/users/register", registration(email, apptest.Password, "222222")); got != wrong || !strings.Contains(got, "CODE_INVALID") {
		t.Errorf("the secret code answers\n%s\nand a wrong one\n%s", got, wrong)
	}

	var version int32
	if err := crowd.Pool.QueryRow(t.Context(), `SELECT version FROM account WHERE email = $1`, email).Scan(&version); err != nil || version != 0 {
		t.Errorf("the account is at version %d, %v", version, err)
	}

	// The same code would have registered a free address: the test knows how to make one.
	crowd.plant(t, addressOfClass("unknown"), "222222")

	if got := crowd.answer(t, "/api/users/register", registration(addressOfClass("unknown"), apptest.Password, "222222")); !strings.Contains(got, "201 Created") {
		t.Errorf("a planted code answers %s", got)
	}
}

// plant gives the address's code row a code that the test knows.
func (o *office) plant(t *testing.T, email, plain string) {
	t.Helper()

	keys, err := keyring.Parse(o.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	digest, _ := keys.Digest(keys.Current(), "code", code.Registration.Name, email, plain)
	o.exec(t, `UPDATE code SET digest = $1, attempts = 0 WHERE subject = $2`, digest, email)
}

// R-B5, T-22: the work in the database is the same, statement by statement, the worker's included.
func TestClassesCostTheSameStatements(t *testing.T) {
	t.Parallel()

	crowd := newCrowd(t)

	statements := func(run func(email string), class string) []string {
		crowd.Statements.Take()
		run(addressOfClass(class))

		return withoutChores(crowd.Statements.Take())
	}

	for name, run := range map[string]func(email string){
		"login": func(email string) {
			crowd.answer(t, "/api/auth/login", url.Values{"email": {email}, "password": {"wrong"}}.Encode())
		},
		"send-code": func(email string) {
			crowd.send(t, email)
			crowd.settled(t, email)
		},
		"register": func(email string) {
			crowd.answer(t, "/api/users/register", registration(email, apptest.Password, "000000"))
		},
	} {
		control := statements(run, "unknown")
		if len(control) < 2 {
			t.Fatalf("%s: %q", name, control)
		}

		for _, class := range classes[1:] {
			if got := statements(run, class); !slices.Equal(got, control) {
				t.Errorf("%s for %s: %q, and for an unknown address %q", name, class, got, control)
			}
		}
	}
}

// withoutChores leaves the statements that somebody asked for: the chores of the hour are nobody's.
func withoutChores(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		return strings.HasSuffix(name, "Clean") || strings.HasPrefix(name, "SigningKey") || name == "DeliveryAbandon"
	})
}
