package bootstrap_test

import (
	"errors"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/bootstrap"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/registration"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

func setup(t *testing.T, allowed bool) *bootstrap.Bootstrap {
	t.Helper()

	database, err := postgres.Open(t.Context(), postgres.Options{URL: postgrestest.New(t), MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(database.Close)

	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}

	hasher, err := password.NewHasher(1, password.Cost{Memory: 64, Passes: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}

	clock := &apptest.Clock{}

	return bootstrap.New(bootstrap.Deps{
		DB: database, Codes: code.New(database, keys, code.Budget{Max: 100, Share: 1}, clock.Now), Hasher: hasher, Policy: password.Policy{MinLength: 8},
		EmailAllowed: func(string) bool { return allowed }, Now: clock.Now,
	})
}

func issue(t *testing.T, b *bootstrap.Bootstrap) string {
	t.Helper()

	token, err := b.IssueLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	return token
}

var first = bootstrap.Administrator{Email: "first@konec.test", Name: "First", Password: "correct horse battery staple"}

// A link makes one administrator; after that there is none to be had.
func TestLinkMakesTheFirstAdministrator(t *testing.T) {
	t.Parallel()

	b := setup(t, true)
	void, token := issue(t, b), issue(t, b)

	if err := b.Check(t.Context(), void); !errors.Is(err, code.ErrInvalid) {
		t.Errorf("the link before the newest: %v", err)
	}

	if err := errors.Join(b.Check(t.Context(), token), b.Create(t.Context(), token, first)); err != nil {
		t.Fatal(err)
	}

	second := first
	second.Email = "second@konec.test"

	if err := b.Create(t.Context(), token, second); !errors.Is(err, code.ErrInvalid) {
		t.Errorf("a used link: %v", err)
	}

	if token := issue(t, b); token != "" {
		t.Error("a link was issued although there is an administrator")
	}
}

// A refused form leaves the link as good as before.
func TestRefusedAdministratorKeepsTheLink(t *testing.T) {
	t.Parallel()

	b := setup(t, true)
	token := issue(t, b)

	weak := first
	weak.Password = "short"

	if err := b.Create(t.Context(), token, weak); err == nil || errors.Is(err, code.ErrInvalid) {
		t.Errorf("a weak password: %v", err)
	}

	if err := b.Create(t.Context(), "not the token", weak); !errors.Is(err, code.ErrInvalid) {
		t.Errorf("a weak password with a bad link: %v", err)
	}

	if err := b.Create(t.Context(), token, first); err != nil {
		t.Errorf("the link after a refusal: %v", err)
	}

	strict := setup(t, false)
	if err := strict.Create(t.Context(), issue(t, strict), first); !errors.Is(err, registration.ErrEmailNotAllowed) {
		t.Errorf("an address whose domain may not register: %v", err)
	}
}
