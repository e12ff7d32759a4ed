package admin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// An account that an administrator creates has no password: its user is notified, sets one with a code, and signs in.
func TestInvitation(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)

	created, err := g.Client.CreateAccountWithResponse(t.Context(), nil,
		client.CreateAccountRequest{Email: "New.Colleague@KONEC.com.au", Name: " 新同事 ", MemberGroup: "Member"}, g.admin)
	if err != nil || created.JSON201 == nil {
		t.Fatalf("create: %v %s", err, created.Body)
	}

	const email = "new.colleague@konec.com.au"
	if a := created.JSON201.Account; a.Email != email || a.Name != "新同事" || a.MemberGroup != "Member" || a.Factors.Password != "" {
		t.Errorf("created %+v", a)
	}

	invitation := g.Mail(t, email, 0)
	if invitation.Code != "" || invitation.Link != "" {
		t.Errorf("the invitation carries %+v", invitation)
	}

	sent, err := g.Client.SendCodeWithResponse(t.Context(), client.SendCodeAgainRequest{Email: email, Purpose: "reset"}, g.admin)
	if err != nil || sent.StatusCode() != http.StatusNoContent {
		t.Fatalf("send code: %v %s", err, sent.Body)
	}

	code := g.Mail(t, email, 1).Code

	browser := g.Browser(t)
	browser.Load(t)

	reset, err := browser.Client.ResetPasswordWithResponse(t.Context(), client.ResetPasswordRequest{Email: email, Code: code, Password: apptest.Password})
	if err != nil || reset.StatusCode() != http.StatusNoContent {
		t.Fatalf("set the password: %v %s", err, reset.Body)
	}

	g.SignIn(t, email)

	if events := g.timeline(t, created.JSON201.Account.ID).Entries; len(events) == 0 {
		t.Error("there is no audit event")
	}
}

// Mails to a user are in the user's language, not in the administrator's.
func TestMailsUseTheUsersLanguage(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)

	for email, language := range map[string]*client.MailLanguage{
		"zhongwen@konec.com.au": nil, "chinese@konec.com.au": new(client.MailLanguage("zh")), "english@konec.com.au": new(client.MailLanguage("en")),
	} {
		created, err := g.Client.CreateAccountWithResponse(t.Context(), nil,
			client.CreateAccountRequest{Email: email, Name: "New", MemberGroup: "Member", Language: language}, g.admin, inEnglish)
		if err != nil || created.JSON201 == nil {
			t.Fatalf("create: %v %s", err, created.Body)
		}

		sent, err := g.Client.SendCodeWithResponse(t.Context(),
			client.SendCodeAgainRequest{Email: email, Purpose: "reset", Language: language}, g.admin, inEnglish)
		if err != nil || sent.StatusCode() != http.StatusNoContent {
			t.Fatalf("send code: %v %s", err, sent.Body)
		}

		g.Mail(t, email, 1)

		for _, mail := range g.Mails(email) {
			english := !strings.ContainsFunc(mail.Subject, func(r rune) bool { return unicode.Is(unicode.Han, r) })
			if want := language != nil && *language == "en"; english != want {
				t.Errorf("to %s: %q", email, mail.Subject)
			}
		}
	}
}

func inEnglish(_ context.Context, r *http.Request) error {
	r.Header.Set("Accept-Language", "en")

	return nil
}

// An administrator creates accounts only in groups that exist and whose rights they have themselves.
func TestCreatedAccountIsLimitedByRights(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.rights(t, "Tester", client.RightAccountsRead, client.RightAccountsWrite)
	assistant := g.member(t, "helper@konec.com.au", "Tester")

	for group, want := range map[string]int{"Admin": http.StatusForbidden, "Member": http.StatusCreated, "Unknown": http.StatusBadRequest} {
		got, err := g.Client.CreateAccountWithResponse(t.Context(), nil,
			client.CreateAccountRequest{Email: strings.ToLower(group) + "@konec.com.au", Name: "New", MemberGroup: group}, assistant)
		if err != nil || got.StatusCode() != want {
			t.Errorf("in %s: %v %d %s", group, err, got.StatusCode(), got.Body)
		}
	}
}

// A deleted account is closed at once, can be restored as it was, and is erased with all its data when its time is
// over. Its events stay in the audit log.
func TestDeletedAccount(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)
	tokens := g.SignIn(t, world.Owner)
	before := g.account(t, world.Owner)

	remove := func(a client.AdminAccount) client.AdminAccount {
		got, err := g.Client.DeleteAccountWithResponse(t.Context(), a.ID, &client.DeleteAccountParams{IfMatch: etagOf(a)}, g.admin)
		if err != nil || got.JSON200 == nil {
			t.Fatalf("delete: %v %s", err, got.Body)
		}

		return got.JSON200.Account
	}

	deleted := remove(before)
	if deleted.Status != "deleted" || deleted.DeletedAt == nil || deleted.ErasedAt == nil || deleted.ErasedAt.Sub(*deleted.DeletedAt) != 30*24*time.Hour {
		t.Errorf("deleted: %+v", deleted)
	}

	if status, _ := g.Me(t, tokens.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("its session: %d", status)
	}

	refused, err := g.Client.LoginWithFormdataBodyWithResponse(t.Context(), nil, client.LoginRequest{Email: world.Owner, Password: apptest.Password})
	if err != nil || refused.StatusCode() != http.StatusUnauthorized {
		t.Errorf("sign-in: %v %s", err, refused.Body)
	}

	if got := reasonsOf(g.timeline(t, deleted.ID)); len(got) == 0 || got[0] != "DELETED" {
		t.Errorf("reasons %v", got)
	}

	restored, err := g.Client.SetAccountStatusWithResponse(t.Context(), deleted.ID,
		&client.SetAccountStatusParams{IfMatch: etagOf(deleted)}, client.SetStatusRequest{Status: "active"}, g.admin)
	if err != nil || restored.JSON200 == nil || restored.JSON200.Account.DeletedAt != nil {
		t.Fatalf("restore: %v %s", err, restored.Body)
	}

	g.SignIn(t, world.Owner)
	remove(restored.JSON200.Account)

	exists := func() (accounts, sessions, events int) {
		err := g.Pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM account WHERE id = $1), (SELECT count(*) FROM session WHERE account_id = $1),
			(SELECT count(*) FROM audit_event WHERE account_id = $1 AND action = 'account.deleted')`, before.ID).Scan(&accounts, &sessions, &events)
		if err != nil {
			t.Fatal(err)
		}

		return accounts, sessions, events
	}

	g.Clock.Advance(29 * 24 * time.Hour)
	g.erase(t, 0)

	if accounts, _, _ := exists(); accounts != 1 {
		t.Error("erased too early")
	}

	g.Clock.Advance(24*time.Hour + time.Second)
	g.erase(t, 1)

	if accounts, sessions, events := exists(); accounts != 0 || sessions != 0 || events != 2 {
		t.Errorf("%d accounts, %d sessions and %d events are left", accounts, sessions, events)
	}
}

// erase runs the clean-up job.
func (g *adminGateway) erase(t *testing.T, want int64) {
	t.Helper()

	erased, err := administration.Erase(t.Context(), g.Pool, g.Clock.Now().Add(-g.Config.AccountRetention))
	if err != nil || erased != want {
		t.Errorf("%d erased, want %d (%v)", erased, want, err)
	}
}

// An export holds all data of one user, none of another, and no secret. The export itself is an audit event.
func TestExportHoldsOneUser(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)
	g.Account(t, "other@konec.com.au")
	g.SignIn(t, world.Owner)
	g.SignIn(t, "other@konec.com.au")

	found := g.account(t, world.Owner)

	got, err := g.Client.ExportAccountWithResponse(t.Context(), found.ID, g.admin)
	if err != nil || got.JSON200 == nil {
		t.Fatalf("export: %v %s", err, got.Body)
	}

	data := got.JSON200
	if data.Account.Email != world.Owner || len(data.Sessions) != 1 || len(data.Events) != 2 {
		t.Errorf("exported %+v", data)
	}

	for _, secret := range []string{"other@", "argon2id$", "$argon2"} {
		if strings.Contains(string(got.Body), secret) {
			t.Errorf("the export contains %q", secret)
		}
	}

	if entry := g.timeline(t, found.ID).Entries[0].Event; entry == nil || entry.Action != "account.exported" || entry.ActorID == "" {
		t.Errorf("the newest event is %+v", entry)
	}
}

// SEC-S13, R-H4: an export writes an audit event, so that no link and no HEAD makes one: the console's cookie alone, as a
// navigation from another site carries it, exports nothing.
func TestNoLinkExports(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	path := "/api/admin/accounts/" + g.account(t, world.Owner).ID + "/export"
	browser := g.SignedIn(t, world.Administrator)

	for method, want := range map[string]int{
		http.MethodGet: http.StatusMethodNotAllowed, http.MethodHead: http.StatusMethodNotAllowed, http.MethodPost: http.StatusForbidden,
	} {
		c := world.Call{Method: method, Path: path}.FromBrowser(browser).Without("X-Xsrf-Token").With("Sec-Fetch-Site", "cross-site")
		if got := c.To(t, g.Server); got.Status != want {
			t.Errorf("%s: %s", method, got)
		}
	}

	var exports int
	if err := g.Pool.QueryRow(t.Context(), "SELECT count(*) FROM audit_event WHERE action = 'account.exported'").Scan(&exports); err != nil || exports != 0 {
		t.Errorf("%d exports were recorded: %v", exports, err)
	}

	if got := (world.Call{Method: http.MethodPost, Path: path}).FromBrowser(browser).To(t, g.Server); got.Status != http.StatusOK {
		t.Errorf("with the value of the page: %s", got)
	}
}
