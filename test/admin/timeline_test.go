package admin_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

func (g *adminGateway) timeline(t *testing.T, id string) client.Timeline {
	t.Helper()

	got, err := g.Client.GetTimelineWithResponse(t.Context(), id, nil, g.admin)
	if err != nil || got.JSON200 == nil {
		t.Fatalf("timeline: %v %s", err, got.Body)
	}

	return *got.JSON200
}

func reasonsOf(line client.Timeline) (codes []string) {
	for _, reason := range line.Reasons {
		codes = append(codes, string(reason.Code))
	}

	return codes
}

// SEC-S14: who acted, from which address and with which device, is for those who may read the audit log, in a timeline
// and in an export too. The reasons need no more than to see accounts.
func TestTimelineNeedsTheRightForItsEvents(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.rights(t, "Tester", client.RightAccountsRead, client.RightAccountsDelete)

	g.Account(t, world.Owner)

	assistant, administrator := g.member(t, "helper@konec.com.au", "Tester"), g.account(t, world.Administrator)

	if entries := g.timeline(t, administrator.ID).Entries; len(entries) == 0 {
		t.Error("nothing happened")
	}

	got, err := g.Client.GetTimelineWithResponse(t.Context(), administrator.ID, nil, assistant)
	if err != nil || got.JSON200 == nil || len(got.JSON200.Entries) != 0 || !got.JSON200.Next.IsNull() {
		t.Errorf("without the right: %v %s", err, got.Body)
	}

	waiting, err := g.Client.GetTimelineWithResponse(t.Context(), g.account(t, world.Owner).ID, nil, assistant)
	if err != nil || waiting.JSON200 == nil || !slices.Equal(reasonsOf(*waiting.JSON200), []string{"NO_GROUP"}) {
		t.Errorf("reasons: %v %s", err, waiting.Body)
	}

	export, err := g.Client.ExportAccountWithResponse(t.Context(), administrator.ID, assistant)
	if err != nil || export.StatusCode() != http.StatusForbidden || codeOfError(export.Body) != "RIGHT_MISSING" {
		t.Errorf("export: %v %s", err, export.Body)
	}

	g.rights(t, "Tester", client.RightAccountsRead, client.RightAccountsDelete, client.RightAuditRead)

	got, err = g.Client.GetTimelineWithResponse(t.Context(), administrator.ID, nil, assistant)
	if err != nil || got.JSON200 == nil || len(got.JSON200.Entries) == 0 {
		t.Errorf("with the right: %v %s", err, got.Body)
	}
}

// "Why can this person not sign in": each reason is shown while it applies, and no longer once it is removed.
func TestTimelineShowsTheReasons(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t, func(c *apptest.Settings) { c.FailuresFree = 2 })
	g.Account(t, world.Owner)
	found := g.account(t, world.Owner)

	expect := func(when string, want ...string) {
		t.Helper()

		if got := reasonsOf(g.timeline(t, found.ID)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}

	expect("a new account", "NO_GROUP")
	g.assign(t, g.admin, found, "Member")
	expect("in a group")

	for range 2 {
		refused, err := g.Client.LoginWithFormdataBodyWithResponse(t.Context(), nil, client.LoginRequest{Email: world.Owner, Password: "wrong"})
		if err != nil || refused.StatusCode() != http.StatusUnauthorized {
			t.Fatalf("login: %v %s", err, refused.Body)
		}
	}

	expect("locked out", "WAIT")

	line := g.timeline(t, found.ID)
	if wait := line.Reasons[0]; wait.Factor == nil || *wait.Factor != "password" || wait.Until == nil {
		t.Errorf("waits for %+v", wait)
	}

	var actions []string
	for _, entry := range line.Entries {
		actions = append(actions, entry.Event.Action)
	}

	if want := []string{"sign_in.failed", "sign_in.failed", "account.group_set", "account.created"}; !slices.Equal(actions, want) {
		t.Errorf("history: %v, want %v", actions, want)
	}

	group := line.Entries[2].Event
	if group.ActorID != g.account(t, world.Administrator).ID || group.Detail["from"] != "None" || group.Detail["to"] != "Member" || group.RequestID == "" {
		t.Errorf("the audit event of the assignment is %+v", group)
	}

	if unlocked, err := g.Client.UnlockAccountWithResponse(t.Context(), found.ID, g.admin); err != nil || unlocked.StatusCode() != http.StatusNoContent {
		t.Fatalf("unlock: %v %s", err, unlocked.Body)
	}

	expect("unlocked")
	g.SignIn(t, world.Owner)

	if err := g.SetStatus(t.Context(), world.Owner, account.Disabled); err != nil {
		t.Fatal(err)
	}

	expect("disabled", "DISABLED")

	if err := g.SetStatus(t.Context(), world.Owner, account.Active); err != nil {
		t.Fatal(err)
	}

	reset := g.reset(t, world.Owner, "password")
	if reset.Factors == nil || reset.Factors.Password != "" {
		t.Errorf("after the reset %+v", reset.Factors)
	}

	expect("without a password", "NO_PASSWORD")
}

// reset removes a factor of an account.
func (g *adminGateway) reset(t *testing.T, email string, factor client.ResetFactorParamsFactor) client.AdminAccount {
	t.Helper()

	before := g.account(t, email)

	got, err := g.Client.ResetFactorWithResponse(t.Context(), before.ID, factor, &client.ResetFactorParams{IfMatch: etagOf(before)}, g.admin)
	if err != nil || got.JSON200 == nil {
		t.Fatalf("reset %s: %v %s", factor, err, got.Body)
	}

	return got.JSON200.Account
}

// A reset factor is gone, and so are the sessions if it was the password. The user is notified.
func TestResetFactor(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)
	tokens := g.SignIn(t, world.Owner)

	g.Exec(t, "UPDATE account SET phone = '+8613800138000' WHERE email = $1", world.Owner)
	g.Exec(t, "INSERT INTO totp (account_id, id, secret, last_step, bound_at) SELECT id, 'x', '', 0, now() FROM account WHERE email = $1", world.Owner)
	g.Exec(t, "INSERT INTO identity (provider, subject, account_id, profile, bound_at) SELECT 'lark', 'ou_x', id, '{\"name\": \"Wei\"}', now() FROM account WHERE email = $1", world.Owner)

	before := g.account(t, world.Owner)
	if f := before.Factors; f == nil || f.Password != "argon2id" || !f.Phone || !f.Totp || f.Lark != "Wei" {
		t.Fatalf("factors %+v", f)
	}

	for i, factor := range []client.ResetFactorParamsFactor{"phone", "totp", "lark", "password"} {
		if status, _ := g.Me(t, tokens.AccessToken); status != http.StatusOK {
			t.Errorf("before %s: %d", factor, status)
		}

		if after := g.reset(t, world.Owner, factor); after.Version != before.Version+int32(i)+1 {
			t.Errorf("%s: version %d", factor, after.Version)
		}

		g.Mail(t, world.Owner, i)

		if again := g.reset(t, world.Owner, factor); again.Version != before.Version+int32(i)+1 {
			t.Errorf("%s again: version %d", factor, again.Version)
		}
	}

	if f := g.account(t, world.Owner).Factors; f.Password != "" || f.Phone || f.Totp || f.Lark != "" {
		t.Errorf("left: %+v", f)
	}

	if status, _ := g.Me(t, tokens.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("after the password: %d", status)
	}
}

// Ending a user's sessions signs them out on both surfaces at once.
func TestEndAccountSessions(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)
	first, second, browser := g.SignIn(t, world.Owner), g.SignIn(t, world.Owner), g.SignedIn(t, world.Owner)
	id := g.account(t, world.Owner).ID

	list, err := g.Client.ListAccountSessionsWithResponse(t.Context(), id, g.admin)
	if err != nil || list.JSON200 == nil || len(list.JSON200.Sessions) != 3 {
		t.Fatalf("sessions: %v %s", err, list.Body)
	}

	one, err := g.Client.EndAccountSessionWithResponse(t.Context(), id, sessionOfToken(t, first.AccessToken), g.admin)
	if err != nil || one.StatusCode() != http.StatusNoContent {
		t.Fatalf("end one: %v %s", err, one.Body)
	}

	for token, want := range map[string]int{first.AccessToken: http.StatusUnauthorized, second.AccessToken: http.StatusOK} {
		if status, _ := g.Me(t, token); status != want {
			t.Errorf("after one was ended: %d, want %d", status, want)
		}
	}

	all, err := g.Client.EndAccountSessionsWithResponse(t.Context(), id, g.admin)
	if err != nil || all.StatusCode() != http.StatusNoContent {
		t.Fatalf("end all: %v %s", err, all.Body)
	}

	if status, _ := g.Me(t, second.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("the app: %d", status)
	}

	if status := browser.Verify(t); status != http.StatusUnauthorized {
		t.Errorf("the browser: %d", status)
	}

	if status, _ := g.Me(t, g.SignIn(t, world.Owner).AccessToken); status != http.StatusOK {
		t.Errorf("a new sign-in: %d", status)
	}
}

func sessionOfToken(t *testing.T, token string) string {
	t.Helper()

	var claims struct {
		SessionID string `json:"sid"`
	}

	if err := json.Unmarshal([]byte(world.PayloadOf(t, token)), &claims); err != nil {
		t.Fatal(err)
	}

	return claims.SessionID
}
