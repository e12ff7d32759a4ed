//go:build battery

package attack_test

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// change is an operation of the program's document that changes something for a caller who is signed in.
type change struct {
	*openapi3.Operation

	method, path string
}

// changes returns those operations, sorted.
func changes(t *testing.T, g *gateway) (list []change) {
	t.Helper()

	response, err := g.http.Get(g.replicas[0].url + "/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}

	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			one := change{operation, method, path}
			effects := method != http.MethodGet || operation.Extensions["x-side-effects"] == true

			if effects && (one.needs("session") || one.needs("bearer")) {
				list = append(list, one)
			}
		}
	}

	slices.SortFunc(list, func(a, b change) int { return strings.Compare(a.path+a.method, b.path+b.method) })

	return list
}

func (c change) needs(scheme string) bool {
	return c.Security != nil && slices.ContainsFunc(*c.Security, func(one openapi3.SecurityRequirement) bool { return one[scheme] != nil })
}

func (c change) isAdmin() bool { return strings.HasPrefix(c.path, "/api/admin/") }

// scene is who and what a call is about.
type scene struct {
	g      *gateway
	actor  *client // signed in
	boss   *client // another administrator
	id     string  // of the actor's account
	target string  // id of another account
	group  string  // without members
	hook   string  // id of a webhook
}

// calls have the body of a valid call of each operation that has one, by method and path. An operation that is not here is
// called with its example in the document.
var calls = map[string]func(t *testing.T, s *scene) any{
	"POST /api/admin/accounts": func(*testing.T, *scene) any {
		return map[string]any{"email": unique("created") + "@konec.test", "name": "New", "memberGroup": "Member"}
	},
	"POST /api/admin/accounts/assign-group": func(t *testing.T, s *scene) any {
		return map[string]any{"memberGroup": "Member", "accounts": []any{map[string]any{"id": s.target, "version": s.g.version(t, s.target)}}}
	},
	"PUT /api/admin/accounts/{accountId}/group": func(*testing.T, *scene) any {
		return map[string]any{"memberGroup": "Admin"}
	},
	"PUT /api/admin/accounts/{accountId}/status": func(*testing.T, *scene) any { return map[string]any{"status": "disabled"} },
	"POST /api/admin/codes": func(*testing.T, *scene) any {
		return map[string]any{"email": unique("invited") + "@konec.test", "purpose": "registration"}
	},
	"POST /api/admin/groups": func(*testing.T, *scene) any {
		return map[string]any{"name": unique("Backdoor "), "rights": []string{"accounts.read", "accounts.write", "groups.write"}}
	},
	"PUT /api/admin/groups/{group}": func(*testing.T, *scene) any {
		return map[string]any{"description": "changed", "rights": []string{"accounts.read"}, "requiresTotp": false}
	},
	"POST /api/admin/webhooks": func(*testing.T, *scene) any {
		return map[string]any{"url": "https://127.0.0.1:9/hook", "description": "attack", "actions": []string{"nothing.happens"}}
	},
	"PUT /api/admin/webhooks/{webhookId}": func(*testing.T, *scene) any {
		return map[string]any{"url": "https://127.0.0.1:9/other", "description": unique("changed "), "actions": []string{"nothing.happens"}, "enabled": false}
	},
	"POST /api/admin/webhooks/{webhookId}/replay": func(*testing.T, *scene) any {
		return map[string]any{"from": "2026-01-01T00:00:00.000Z"}
	},
	"POST /refresh_token": func(t *testing.T, s *scene) any {
		r := s.actor.call(t, http.MethodGet, "/refresh_code", nil).must(t, "GET /refresh_code")

		return map[string]any{"code": r.text("code") + r.text("data")}
	},
	"POST /api/admin/limits/lift": func(*testing.T, *scene) any { return map[string]any{"limit": "failed-codes/reset"} },
	"PATCH /user":                 func(*testing.T, *scene) any { return map[string]any{"key": "name", "name": unique("Changed ")} },
	"POST /user/password": func(*testing.T, *scene) any {
		return map[string]any{"old": secret, "password": "another " + secret}
	},
	"POST /user/phone": func(t *testing.T, s *scene) any {
		phone := fmt.Sprintf("+86139%08d", numbers.Add(1))
		s.actor.call(t, http.MethodGet, "/user/phone_code?phone=%2B"+phone[1:], nil).must(t, "GET /user/phone_code")
		eventually(t, "a text message", func() bool { return len(s.g.texts.to(phone)) > 0 })

		return map[string]any{"phone": phone, "code": s.g.texts.to(phone)[0].Code}
	},
	"POST /user/totp": func(t *testing.T, s *scene) any {
		app := s.actor.newTOTP(t)

		return map[string]any{"tss": []string{app.code(-1), app.code(0)}}
	},
	"PUT /user/second_factor": func(t *testing.T, s *scene) any {
		s.actor.bindTOTP(t)

		return map[string]any{"enabled": true}
	},
	"POST /api/auth/reauthenticate": func(*testing.T, *scene) any { return map[string]any{"password": secret} },
	"POST /user/reauthenticate":     func(*testing.T, *scene) any { return map[string]any{"password": secret} },
	"PATCH /api/users/me":           func(*testing.T, *scene) any { return map[string]any{"avatar": 7} },
}

var numbers atomic.Int64

func unique(prefix string) string { return fmt.Sprintf("%s%d", prefix, numbers.Add(1)) }

// newScene makes everything that a call may be about. The actor has signed in as the operation asks for.
func newScene(t *testing.T, g *gateway, boss *client, o change) *scene {
	t.Helper()

	name := unique("person")
	group := "None"

	if o.isAdmin() {
		group = "Admin"
	}

	people := []map[string]any{
		{"email": name + "@konec.test", "name": "Actor", "memberGroup": group, "passwordHash": g.hash(t)},
		{"email": name + ".target@konec.test", "name": "Target", "memberGroup": "Member", "passwordHash": g.hash(t), "phone": fmt.Sprintf("+86138%08d", numbers.Add(1))},
	}
	g.imported(t, people...)

	s := &scene{g: g, boss: boss, id: g.idOf(t, name+"@konec.test"), target: g.idOf(t, name+".target@konec.test")}
	if o.needs("session") && !o.isAdmin() {
		s.actor = g.browser(t, name+"@konec.test", "203.0.113.20")
	} else {
		s.actor = g.app(t, name+"@konec.test", "203.0.113.20")
	}

	if strings.Contains(o.path, "{group}") {
		s.group = unique("Spare ")
		boss.call(t, http.MethodPost, "/api/admin/groups", map[string]any{"name": s.group}).must(t, "create a group")
	}

	if strings.Contains(o.path, "{webhookId}") {
		r := boss.call(t, http.MethodPost, "/api/admin/webhooks", map[string]any{
			"url": "https://127.0.0.1:9/hook", "description": unique("hook "), "actions": []string{"nothing.happens"},
		}).must(t, "create a webhook")
		hook, _ := r.value["webhook"].(map[string]any)
		s.hook = cmp.Or(r.text("id"), reply{value: hook}.text("id"))

		t.Cleanup(func() {
			g.exec(t, "UPDATE webhook SET deleted_at = now(), secret = NULL, enabled = false WHERE id = $1", s.hook)
		})
	}

	return s
}

// filled returns the path, with its parameters, and the headers of the call.
func (s *scene) filled(t *testing.T, o change) (string, []string) {
	t.Helper()

	path := strings.NewReplacer("{accountId}", s.target, "{group}", strings.ReplaceAll(s.group, " ", "%20"), "{webhookId}", s.hook,
		"{id}", "AAAAAAAAAAAAAAAAAAAAAA", "{eventId}", "1", "{factor}", "phone", "{key}", "phone").Replace(o.path)

	var headers []string

	for _, parameter := range o.Parameters {
		if parameter.Value.Name != "If-Match" {
			continue
		}

		version := 0

		switch {
		case s.group != "":
			version = one[int](t, s.g, "SELECT version FROM member_group WHERE name = $1", s.group)
		case s.hook != "":
			version = one[int](t, s.g, "SELECT version FROM webhook WHERE id = $1", s.hook)
		default:
			version = s.g.version(t, s.target)
		}

		headers = append(headers, fmt.Sprintf(`If-Match: "%d"`, version))
	}

	return path, headers
}

// body returns a valid body, or nil if the operation has none.
func (s *scene) body(t *testing.T, o change) any {
	t.Helper()

	if o.RequestBody == nil {
		return nil
	}

	if body, there := calls[o.method+" "+o.path]; there {
		return body(t, s)
	}

	for _, media := range o.RequestBody.Value.Content {
		if media.Example != nil {
			return media.Example
		}
	}

	return map[string]any{}
}

func (g *gateway) version(t *testing.T, account string) int {
	t.Helper()

	return one[int](t, g, "SELECT version FROM account WHERE id = $1", account)
}

func (g *gateway) idOf(t *testing.T, email string) string {
	t.Helper()

	return one[string](t, g, "SELECT id FROM account WHERE email = $1", email)
}

// hash returns the hash of secret, which the account of the boss has.
func (g *gateway) hash(t *testing.T) string {
	t.Helper()

	return one[string](t, g, "SELECT password_hash FROM account WHERE email = 'boss@konec.test'")
}

// withBoss creates an administrator and signs the app of it in.
func (g *gateway) withBoss(t *testing.T) *client {
	t.Helper()
	g.account(t, "boss@konec.test", "Admin")

	return g.app(t, "boss@konec.test", "198.51.100.1")
}
