package signin_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-K6: audit events about a code name an account if a signed-in user requested it or if the phone is bound, so that an
// administrator finds what was sent and guessed in that account's name.
func TestCodeEventsNameTheirAccount(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address, browser := g.NewUser(t)
	phone := g.NewPhone()
	json := func(method, path, body string) world.Call {
		return world.Call{Method: method, Path: path, Body: body}.With("Content-Type", "application/json")
	}

	for _, one := range []struct {
		call world.Call
		code string
	}{
		{world.Call{Method: http.MethodGet, Path: "/user/phone_code", Query: "phone=%2B" + phone[1:]}, ""},
		{json(http.MethodPost, "/user/phone", fmt.Sprintf(`{"phone":%q,"code":"000000"}`, phone)), "CODE_INVALID"},
		{json(http.MethodPatch, "/user", `{"key":"email","email":"new@konec.test"}`), ""},
		{json(http.MethodPatch, "/user", `{"key":"email","email":"new@konec.test","code":"000000"}`), "CODE_INVALID"},
	} {
		if got := one.call.InBrowser(t, g.Server, browser); got.Problem.Code != one.code {
			t.Fatalf("%s: %s", one.call.Path, got)
		}
	}

	g.Exec(t, "UPDATE account SET phone = $1 WHERE email = $2", phone, address)
	json(http.MethodPost, "/login/sms", fmt.Sprintf(`{"phone":%q,"code":"000000"}`, phone)).InBrowser(t, g.Server, g.Visitor)

	rows, err := g.Pool.Query(t.Context(), `
		SELECT action || ' ' || method || ' ' || subject FROM audit_event
		WHERE action LIKE 'code.%' AND account_id = (SELECT id FROM account WHERE email = $1) ORDER BY id`, address)
	if err != nil {
		t.Fatal(err)
	}

	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	want := []string{
		"code.sent phone " + phone, "code.refused phone " + phone, "code.sent email new@konec.test", "code.refused email new@konec.test",
		"code.refused sign-in " + phone,
	}

	if err != nil || fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("got %q, %v, want %q", found, err, want)
	}
}
