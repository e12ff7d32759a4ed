package contract_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// The contract: users change the number of their picture, too, from 0 to 999. Exactly the members of the request change, and the
// version and the time with them; the public surface shows the same name, and keeps its picture.
func TestAppChangesTheAccount(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	change := operation(t, "changeMe")
	me := g.Call(operation(t, "getMe"))

	read := func(got world.Reply) (user client.User) {
		t.Helper()

		var body client.MeResponse
		if err := json.Unmarshal(got.Body, &body); err != nil || got.Status != http.StatusOK {
			t.Fatalf("%s, %v", got, err)
		}

		return body.User
	}

	before := read(me.To(t, g.Server))

	for i, body := range []string{`{"avatar": 999}`, `{"username": " 新名字 "}`, `{"username": "Both", "avatar": 0}`} {
		c := g.Call(change)
		c.Body = body

		changed := read(c.To(t, g.Server))
		if seen := read(me.To(t, g.Server)); seen != changed {
			t.Errorf("%s returned %+v, and the account is %+v", body, changed, seen)
		}

		want := []string{"999 " + before.Username, "999 新名字", "0 Both"}[i]
		if got := fmt.Sprint(changed.Avatar, " ", changed.Username); got != want || changed.V != before.V+1 || changed.Email != before.Email {
			t.Errorf("%s: %+v, want %s", body, changed, want)
		}

		before = changed
	}

	for body, field := range map[string]string{
		`{"avatar": 1000}`: "/avatar", `{"avatar": -1}`: "/avatar", `{"avatar": "7"}`: "/avatar", `{"avatar": 1.5}`: "/avatar", `{"avatar": null}`: "/avatar",
		`{"username": ""}`: "/username", `{"username": "a\nb"}`: "/username", `{}`: "", `{"memberGroup": "Admin"}`: "/memberGroup", `{"email": "a@b.cc"}`: "/email",
	} {
		c := g.Call(change)
		c.Body = body

		if got := c.To(t, g.Server); got.Status != http.StatusBadRequest || !slices.Equal(got.Fields(), []string{field}) {
			t.Errorf("%s: %s, want %q", body, got, field)
		}
	}

	c := g.Call(change).With("Accept-Language", "en")
	c.Body = `{"avatar": 1000}`

	if got := c.To(t, g.Server); len(got.Problem.Errors) != 1 || got.Problem.Errors[0].Message != "must be at most 999" {
		t.Errorf("the message does not say the limit: %s", got)
	}

	if seen := read(me.To(t, g.Server)); seen != before {
		t.Errorf("a refused change made %+v of %+v", seen, before)
	}

	if events := world.QueryValue[string](t, g.Pool, "SELECT string_agg(method, ' ' ORDER BY id) FROM audit_event WHERE action = 'account.changed'"); events != "avatar name name+avatar" {
		t.Errorf("recorded: %s", events)
	}
}
