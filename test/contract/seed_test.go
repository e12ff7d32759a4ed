package contract_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// The seed documents to the letter: the OpenAPI document has every operation, member, type and status of the two documents
// that this product began with, or the deviation has its reason in the table.
func TestDocumentKeepsTheSeedDocuments(t *testing.T) {
	t.Parallel()

	for _, s := range seeds {
		t.Run(s.id, func(t *testing.T) {
			o := operation(t, s.id)

			if path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(s.path, "{$1}"); o.Method != s.method || o.Path != path {
				t.Errorf("%s %s, want %s %s", o.Method, o.Path, s.method, path)
			}

			if chinese, _, _ := strings.Cut(o.Summary, " · "); chinese != s.title {
				t.Errorf("the summary is %q, want %q", chinese, s.title)
			}

			if s.media != "" && o.Media() != s.media {
				t.Errorf("the body is %s, want %s", o.Media(), s.media)
			}

			checkSeedInput(t, s, o)

			if o.Responses.Value(s.status) == nil || (s.status != "204") != (len(o.Responses.Value(s.status).Value.Content) > 0) {
				t.Errorf("no response %s, or one with the wrong body", s.status)
			}

			for status := range s.refused() {
				if o.Responses.Value(status) == nil {
					t.Errorf("no response %s", status)
				}
			}
		})
	}
}

// checkSeedInput checks that each input of the seed is there, and that no other is required.
func checkSeedInput(t *testing.T, s seedOperation, o world.Operation) {
	t.Helper()

	required := map[string]bool{}

	for _, parameter := range o.Parameters {
		if parameter.Value.In != "header" {
			required[parameter.Value.Name] = parameter.Value.Required
		}
	}

	if o.RequestBody != nil {
		for name := range o.Schema().Properties {
			required[name] = slices.Contains(o.Schema().Required, name)
		}
	}

	for _, in := range s.in {
		is, there := required[in.name]
		if !there || is != in.must && !slices.Contains(s.settled, in.name) {
			t.Errorf("%s: in the document %t, required %t; the seed has it, required %t", in.name, there, is, in.must)
		}

		delete(required, in.name)
	}

	for name, is := range required {
		if is && !slices.Contains(s.settled, name) {
			t.Errorf("%s is required, and the seed does not have it", name)
		}
	}
}

// The server keeps them, too: a request with the members of the seed and no other succeeds with its status, the response
// has its members with their types and in their order, and each refusal has the members that the seed gives it.
func TestServerKeepsTheSeedDocuments(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.EmailDomains = []string{"konec.com.au"} })

	for _, s := range seeds {
		o, refused := operation(t, s.id), s.refused()

		for _, one := range scenarios {
			if one.operation != s.id || one.state != healthy {
				continue
			}

			members, want := refused[one.status], one.status
			if one.status == s.status {
				members = s.out
			} else if members == nil {
				continue
			}

			g.KeepSignedIn(t)

			c := one.call(t, g, o)
			if one.status == s.status {
				checkSeedBody(t, s, o, c.Body)
			}

			got := c.To(t, g.Server)
			if fmt.Sprint(got.Status) != want {
				t.Errorf("%s: %s, want %s", s.id, got, want)
			} else {
				checkSeedMembers(t, s.id+" "+want, got.Body, members)
			}

			delete(refused, one.status)
		}

		for status := range refused {
			t.Errorf("%s: no scenario is refused with %s", s.id, status)
		}
	}
}

// checkSeedBody checks that the call has no member that the seed does not have.
func checkSeedBody(t *testing.T, s seedOperation, o world.Operation, body string) {
	t.Helper()

	if body == "" || o.Media() != "application/json" {
		return
	}

	var sent map[string]any
	if err := json.Unmarshal([]byte(body), &sent); err != nil {
		t.Fatal(err)
	}

	for name := range sent {
		if !slices.ContainsFunc(s.in, func(in seedMember) bool { return in.name == name }) {
			t.Errorf("%s: the call has %s, which the seed does not have", s.id, name)
		}
	}
}

// checkSeedMembers checks that a body begins with the members, in their order, each with its type.
func checkSeedMembers(t *testing.T, what string, body []byte, members []seedMember) {
	t.Helper()

	if len(members) == 0 {
		if len(body) > 0 {
			t.Errorf("%s: a body: %s", what, body)
		}

		return
	}

	var got map[string]json.RawMessage
	if err := json.Unmarshal(body, &got); err != nil {
		t.Errorf("%s: %v: %s", what, err, body)

		return
	}

	at := 0

	for _, member := range members {
		value, there := got[member.name]
		if !there && member.name == "values" {
			continue // only outside release mode
		}

		if !there || !seedTypes[member.kind].Match(value) {
			t.Errorf("%s: %s is %s, want a %s", what, member.name, value, member.kind)

			continue
		}

		// The name of a member may also be in a value before it.
		next := strings.Index(string(body[at:]), `"`+member.name+`":`)
		if next < 0 {
			t.Errorf("%s: %s is out of order: %s", what, member.name, body)
		} else {
			at += next
		}

		if len(member.members) > 0 {
			checkSeedMembers(t, what+" "+member.name, value, member.members)
		}
	}
}

// The settings of a client, member for member: the console reads the limit in KB.
func TestOptionsOfEachType(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) {
		c.UploadURL = "https://upload.konec.com.au"
		c.LarkAppID, c.LarkAppSecret, c.ConsoleURL = "cli_1", "secret", "https://console.konec.com.au"
	})

	for kind, want := range map[string]string{
		"upload":          `{"type":"cos","url":"https://upload.konec.com.au","limit":5120}`,
		"collaboration":   `{"url":"https://gateway.test/lark/authorize","redirect":"https://gateway.test/lark","app_id":"cli_1"}`,
		"generate-secret": `{"id":"[a-z0-9]{8}","key":"[A-Za-z0-9]{16}"}`,
	} {
		got := world.Call{Method: http.MethodGet, Path: "/options", Query: "type=" + kind}.To(t, g.Server)
		if got.Status != http.StatusOK || !regexp.MustCompile("^"+want+"\n$").Match(got.Body) {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}

	for _, query := range []string{"", "type=", "type=tencent", "type=Upload"} {
		got := world.Call{Method: http.MethodGet, Path: "/options", Query: query}.To(t, g.Server)
		if got.Status != http.StatusBadRequest || !slices.Equal(got.Fields(), []string{"?type"}) {
			t.Errorf("%q: %s", query, got)
		}
	}
}

// Each key of PATCH /user requires the member that it names, and the error names it: "key=Email 时必须".
func TestKeyRequiresItsMember(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	change := operation(t, "changeUser")

	for key, member := range map[string]string{"Email": "/email", "Name": "/name", "Avatar": "/avatar", "email": "/email", "name": "/name", "avatar": "/avatar"} {
		c := g.Call(change)
		c.Body = change.Encode(map[string]any{"key": key})

		if got := c.To(t, g.Server); got.Status != http.StatusBadRequest || !slices.Equal(got.Fields(), []string{member}) {
			t.Errorf("%s: %s, want %s", key, got, member)
		}
	}
}
