package admin_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// statistics returns the hours of a period; a zero time is left out of the request.
func (g *adminGateway) statistics(t *testing.T, from, to time.Time) client.Statistics {
	t.Helper()

	params := client.GetStatisticsParams{}
	if !from.IsZero() {
		params.From, params.To = &from, &to
	}

	got, err := g.Client.GetStatisticsWithResponse(t.Context(), &params, g.admin)
	if err != nil || got.JSON200 == nil {
		t.Fatalf("statistics: %v %s", err, got.Body)
	}

	return *got.JSON200
}

// awaitSeals waits until every event is in the chain.
func (g *adminGateway) awaitSeals(t *testing.T) {
	t.Helper()

	apptest.Eventually(t, "all is sealed", func() bool { return world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM audit_unsealed") == 0 })
}

// Events are counted in their hour once they are sealed. The response takes one statement beyond those that
// authenticate the caller.
func TestStatistics(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)

	start := g.Clock.Now().UTC().Truncate(time.Hour)

	wrong, err := g.Client.LoginWithFormdataBodyWithResponse(t.Context(), nil, client.LoginRequest{Email: world.Administrator, Password: "a wrong password"})
	if err != nil || wrong.StatusCode() != http.StatusUnauthorized {
		t.Fatalf("a wrong password: %v %s", err, wrong.Body)
	}

	g.Clock.Advance(2 * time.Hour)
	g.admin = g.member(t, "second@konec.com.au", world.GroupAdmin)
	g.SignIn(t, "second@konec.com.au")

	created, err := g.Client.CreateAccountWithResponse(t.Context(), nil, client.CreateAccountRequest{
		Email: "created@konec.com.au", Name: "Created", MemberGroup: "Member",
	}, g.admin)
	if err != nil || created.JSON201 == nil {
		t.Fatalf("create: %v %s", err, created.Body)
	}

	g.awaitSeals(t)
	g.Statements.Take()

	got := g.statistics(t, time.Time{}, time.Time{})

	names := world.WithoutMaintenance(g.Statements.Take())
	if want := []string{"SessionAuthenticate", "MemberGroupRightsOfSession", "AuditCountHours"}; !slices.Equal(names, want) {
		t.Errorf("statements %q, want %q", names, want)
	}

	now := g.Clock.Now()
	if age := now.Sub(got.To); age < 0 || age > time.Minute || !got.From.Equal(got.To.Add(-30*24*time.Hour).Truncate(time.Hour)) {
		t.Errorf("from %s to %s, now %s", got.From, got.To, now)
	}

	// The test may have begun just before the full hour.
	sum := client.StatisticsHour{}

	for i, hour := range got.Hours {
		if i > 0 && !hour.At.After(got.Hours[i-1].At) || hour.At.Before(start) || hour.SignIns+hour.Failures+hour.Registrations == 0 {
			t.Errorf("hour %d is %+v", i, hour)
		}

		sum.SignIns += hour.SignIns
		sum.Failures += hour.Failures
		sum.Registrations += hour.Registrations
	}

	if len(got.Hours) < 2 || len(got.Hours) > 3 || sum != (client.StatisticsHour{SignIns: 3, Failures: 1, Registrations: 3}) {
		t.Errorf("hours %+v", got.Hours)
	}

	// Only the hours of the first part.
	early := g.statistics(t, start.Add(30*time.Minute), start.Add(2*time.Hour))
	if !early.From.Equal(start) || len(early.Hours) == 0 || early.Hours[0] != got.Hours[0] || early.Hours[0].Failures != 1 {
		t.Errorf("the first hour is %+v", early)
	}
}

func TestInvalidStatisticsPeriodIsRefused(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	admin := "Bearer " + g.SignIn(t, world.Administrator).AccessToken
	future := g.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339)

	for name, one := range map[string]struct{ query, field string }{
		"Reversed":             {"from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "?from"},
		"ReversedWithinAnHour": {"from=2026-01-01T00:30:00Z&to=2026-01-01T00:20:00Z", "?from"},
		"FromTheFuture":        {"from=" + future, "?from"},
		"TooLong":              {"from=2026-01-01T00:00:00Z&to=2026-04-03T00:00:01Z", "?from"},
		"BeforeAnyYear":        {"to=0000-01-01T00:00:00Z", "?from"},
		"BeyondFourDigits":     {"to=9999-12-31T23:59:59-01:00", "?to"},
		"NoTime":               {"to=2026-13-01T00:00:00Z", "?to"},
	} {
		got := world.Call{Method: http.MethodGet, Path: "/api/admin/statistics", Query: one.query}.With("Authorization", admin).To(t, g.Server)
		if got.Status != http.StatusBadRequest || got.Problem.Code != "INVALID_REQUEST" || !slices.Equal(got.Fields(), []string{one.field}) {
			t.Errorf("%s: %s", name, got)
		}
	}

	// The longest period that the server accepts, with events in every hour.
	_, err := g.Pool.Exec(t.Context(), `
		INSERT INTO audit_count (action, hour, events)
		SELECT 'sign_in.failed', hour, 1 FROM generate_series('2025-12-31 00:00Z'::timestamptz, '2026-04-04 00:00Z', interval '1 hour') hour`)
	if err != nil {
		t.Fatal(err)
	}

	longest := g.statistics(t, time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC), time.Date(2026, 4, 3, 0, 30, 0, 0, time.UTC))
	if len(longest.Hours) != 92*24+1 || !longest.Hours[92*24].At.Equal(longest.Hours[0].At.AddDate(0, 0, 92)) {
		t.Errorf("%d hours", len(longest.Hours))
	}
}
