package contract_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// T-01, R-J5, R-J6, F-04: any fault of one field gets a 400 that names this field and repeats nothing of the value.
func TestBadFieldIsRefused(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for _, o := range world.Operations() {
		for _, field := range o.Fields() {
			t.Run(o.OperationID+"/"+field, func(t *testing.T) {
				for name, value := range badValues(o, field) {
					c := g.Call(o)
					c.Body = bodyWithField(g, o, field, value)

					got := c.To(t, g.Server)
					if got.Status != http.StatusBadRequest || got.Problem.Code != "INVALID_REQUEST" {
						t.Errorf("%s: %s", name, got)
					}

					// If the syntax is wrong there are no fields. In a list the error may name an element.
					elsewhere := func(name string) bool { return name != "/"+field && !strings.HasPrefix(name, "/"+field+"/") }
					if blamed := got.Fields(); !slices.Equal(blamed, []string{""}) && (len(blamed) == 0 || slices.ContainsFunc(blamed, elsewhere)) {
						t.Errorf("%s: blames %q", name, blamed)
					}

					if strings.Contains(string(got.Body), canary) {
						t.Errorf("%s: the response repeats the value: %s", name, got)
					}
				}
			})
		}
	}

	if strings.Contains(g.Log.String(), canary) {
		t.Error("a refused value is in the log") // F-06, R-K3
	}
}

const canary = "c4n4ry"

// badValues returns invalid texts for a field's value, as the body contains them.
func badValues(o world.Operation, field string) map[string]string {
	schema, bad := o.Schema().Properties[field].Value, badJSON()
	if o.Media() != "application/json" {
		bad = badForm()

		if !slices.Contains(o.Schema().Required, field) {
			delete(bad, "empty") // absent (DOC-D0)
		}
	}

	if schema.Type.Is("string") && schema.MinLength == 0 && len(schema.Enum) == 0 {
		delete(bad, "empty") // this field may be empty
	}

	if schema.Type.Is("boolean") {
		delete(bad, "boolean")
	}

	if schema.Type.Is("array") {
		for name, value := range badJSON() {
			bad["element: "+name] = `["000000", ` + value + `]`
		}

		if schema.Items.Value.Type.Is("object") { // the error names an unknown member
			bad["element: object"] = `[{"role": "` + canary + `"}]`
		}
	}

	return bad
}

func badForm() map[string]string {
	return map[string]string{
		"NUL": canary + "%00", "half a character": canary + "%C3", "an overlong NUL": canary + "%C0%80",
		"a surrogate": canary + "%ED%A0%80", "a byte": canary + "%FF", "raw bytes": canary + "\xff\xfe",
		"broken escape": canary + "%zz", "semicolon": canary + ";", "empty": "", "too long": canary + strings.Repeat("x", 2000),
	}
}

func badJSON() map[string]string {
	return map[string]string{
		"NUL": `"` + canary + `\u0000"`, "raw NUL": "\"" + canary + "\x00\"", "high surrogate": `"` + canary + `\ud800"`,
		"low surrogate": `"` + canary + `\udc00x"`, "surrogates swapped": `"` + canary + `\udc00\ud800"`,
		"half a character": "\"" + canary + "\xc3\"", "an overlong NUL": "\"" + canary + "\xc0\x80\"",
		"a surrogate's bytes": "\"" + canary + "\xed\xa0\x80\"", "a byte": "\"" + canary + "\xff\"",
		"number": `123456`, "large number": `1e400`, "boolean": `true`, "null": `null`, "list": `["` + canary + `"]`,
		"object": `{"` + canary + `": 1}`, "empty": `""`, "too long": `"` + canary + strings.Repeat("x", 60_000) + `"`,
		"deep list": strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), "deep object": strings.Repeat(`{"a":`, 9_000),
		"no value": ``, "raw line break": "\"" + canary + "\n\"", "unknown escape": `"` + canary + `\x"`,
	}
}

// bodyWithField returns a valid body except for the text of one field.
func bodyWithField(g *world.Gateway, o world.Operation, field, text string) string {
	values := g.ValuesWith(o, field)
	parts := make([]string, 0, len(values))

	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]

		if o.Media() != "application/json" {
			part := url.QueryEscape(name) + "=" + url.QueryEscape(fmt.Sprint(value))
			if name == field {
				part = name + "=" + text
			}

			parts = append(parts, part)

			continue
		}

		encoded, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}

		if name == field {
			encoded = []byte(text)
		}

		parts = append(parts, fmt.Sprintf("%q: %s", name, encoded))
	}

	if o.Media() != "application/json" {
		return strings.Join(parts, "&")
	}

	return "{" + strings.Join(parts, ", ") + "}"
}

// T-01, R-J5, F-04, V-12: a body is exactly one object with exactly the documented members.
func TestBadBodyIsRefused(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for _, o := range world.Operations() {
		if o.RequestBody == nil {
			continue
		}

		t.Run(o.OperationID, func(t *testing.T) {
			faults := bodyFaults(o, slices.Sorted(maps.Keys(g.Values(o))))
			if len(o.Schema().Required) == 0 && o.Schema().MinProps == 0 {
				delete(faults, "empty object") // TestAbsentGetsTheResponseOfWrong
			}

			for name, spoil := range faults {
				c := g.Call(o)
				c.Body = spoil(strings.TrimSpace(c.Body))

				if got := c.To(t, g.Server); got.Status != http.StatusBadRequest || got.Problem.Code != "INVALID_REQUEST" {
					t.Errorf("%s: %s", name, got)
				} else if len(got.Problem.Errors) == 0 || len(got.Problem.Errors) > 50 {
					t.Errorf("%s: blames %d fields", name, len(got.Problem.Errors))
				}
			}
		})
	}
}

func bodyFaults(o world.Operation, sent []string) map[string]func(string) string {
	field := slices.Concat(o.Schema().Required, sent)[0] // a field that is present once
	as := func(text string) func(string) string { return func(string) string { return text } }

	if o.Media() != "application/json" {
		some := "" // one of the required members
		if len(o.Schema().Required) > 1 {
			some = field + "=x%40konec.com.au"
		}

		return map[string]func(string) string{
			"empty":           as(""),
			"json":            as(`{"email":"a@b.cc","password":"x"}`),
			"unknown":         func(s string) string { return s + "&role=admin" },
			"case twin":       func(s string) string { return s + "&Password=other" },
			"duplicate":       func(s string) string { return s + "&" + s },
			"escaped twin":    func(s string) string { return s + "&%65mail=x@y.zz" },
			"list":            func(s string) string { return s + "&email[]=x@y.zz" },
			"51 members":      func(s string) string { return s + strings.Repeat("&a", 50) },
			"many members":    func(s string) string { return s + strings.Repeat("&a=1", 15_000) },
			"many names":      func(s string) string { return s + "&" + manyNames(9_000) },
			"NUL name":        func(s string) string { return s + "&a%00=1" },
			"byte name":       func(s string) string { return s + "&%FF=1" },
			"long name":       func(s string) string { return s + "&" + strings.Repeat("n", 60_000) + "=1" },
			"missing members": as(some),
		}
	}

	member := func(text string) func(string) string {
		return func(s string) string { return strings.TrimSuffix(s, "}") + "," + text + "}" }
	}

	return map[string]func(string) string{
		"empty":           as(""),
		"spaces":          as(" \n\t "),
		"null":            as("null"),
		"string":          as(`"text"`),
		"number":          as("1"),
		"empty object":    as("{}"),
		"empty list":      as("[]"),
		"list":            func(s string) string { return "[" + s + "]" },
		"unknown":         member(`"role":"admin"`),
		"prototype":       member(`"__proto__":{"role":"admin"}`),
		"protected":       member(`"memberGroup":"Admin","_id":"68ca4a3d9f1c2b7e5a0d4c61","__v":7,"status":"active","verified":true`),
		"case twin":       member(fmt.Sprintf("%q:%q", strings.ToUpper(field[:1])+field[1:], "x")),
		"upper twin":      member(fmt.Sprintf("%q:%q", strings.ToUpper(field), "x")),
		"duplicate":       member(fmt.Sprintf("%q:%q", field, "x")),
		"escaped twin":    member(fmt.Sprintf(`"\u%04x%s":%q`, field[0], field[1:], "x")),
		"kelvin twin":     member(`"toKen":"x"`),
		"NUL name":        member(`"\u0000":1`),
		"surrogate name":  member(`"\ud800":1`),
		"many unknown":    member(manyMembers(3_000)),
		"long name":       member(`"` + strings.Repeat("n", 60_000) + `":1`),
		"trailing object": func(s string) string { return s + s },
		"trailing word":   func(s string) string { return s + " x" },
		"trailing NUL":    func(s string) string { return s + "\x00" },
		"trailing brace":  func(s string) string { return s + "}" },
		"trailing comma":  func(s string) string { return strings.TrimSuffix(s, "}") + ",}" },
		"cut off":         func(s string) string { return s[:len(s)-1] },
		"cut in a string": func(s string) string { return s[:len(s)-3] },
		"byte order mark": func(s string) string { return "\ufeff" + s },
		"utf-16":          func(s string) string { return "\xff\xfe" + strings.Join(strings.Split(s, ""), "\x00") + "\x00" },
		"comment":         func(s string) string { return s + " // comment" },
		"single quotes":   func(s string) string { return strings.ReplaceAll(s, `"`, "'") },
		"not a number":    as(fmt.Sprintf("{%q: NaN}", field)),
		"form":            as("email=a%40b.cc&password=x"),
		"xml":             as(`<?xml version="1.0"?><a/>`),
		"deep":            as(strings.Repeat("[", 60_000)),
		"deep and closed": as(strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999)),
	}
}

func manyNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("n%d", i)
	}

	return strings.Join(names, "&")
}

func manyMembers(n int) string {
	return `"` + strings.Join(strings.Split(manyNames(n), "&"), `":1,"`) + `":1`
}

// SEC-S7, T-03: a body with thousands of faults is one error with one field, and one with some names at most ten.
func TestManyFaultsAreOneError(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for _, o := range world.Operations() {
		if o.RequestBody == nil || o.Media() != "application/json" {
			continue
		}

		for count, want := range map[int]int{5000: 1, 40: 10} {
			names := make([]string, count)
			for i := range names {
				names[i] = fmt.Sprintf(`"n%d":1`, i)
			}

			c := g.Call(o)
			c.Body = "{" + strings.Join(names, ",") + "}"

			got := c.To(t, g.Server)
			if got.Status != http.StatusBadRequest || got.Problem.Code != "INVALID_REQUEST" || len(got.Fields()) != want || got.Fields()[0] == "" {
				t.Errorf("%s with %d unknown members: %s", o.OperationID, count, got)
			}
		}
	}
}

// F-05, F-11, R-F12, R-J1: no operation accepts a query string, and none reads a credential from it. Pages that people reach
// by a link ignore what others added to it, as long as it is a query string of a moderate size.
func TestQueryIsRefused(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	credentials := url.Values{"email": {world.Owner}, "password": {apptest.Password}}.Encode()
	queries := map[string]string{
		"unknown": "debug=1", "no value": "debug", "escaped": "%64ebug=1", "NUL": "a%00b=1", "bytes": "%FF=%FF", "broken": "%zz=1",
		"semicolon": "a;b", "credentials": credentials, "access token": "access_token=" + g.OwnerTokens.AccessToken,
		"refresh token": "refresh_token=" + g.OwnerTokens.RefreshToken, "51 keys": manyNames(51), "many keys": manyNames(1_500),
		"equal keys": strings.Repeat("a&", 3_000), "only": "=", "long name": strings.Repeat("n", 3_000) + "=1",
	}

	for _, o := range world.Operations() {
		t.Run(o.OperationID, func(t *testing.T) {
			for name, query := range queries {
				c := g.Call(o)
				if o.Extensions["x-extra-query"] != nil && c.Query != "" {
					query = c.Query + "&" + query // what the operation requires is there
				}

				c.Query = query

				got := c.To(t, g.Server)
				ignored := o.Extensions["x-extra-query"] != nil && !slices.Contains([]string{"broken", "semicolon", "51 keys", "many keys", "equal keys"}, name)

				if ignored && got.Status >= http.StatusBadRequest || !ignored && (got.Status != http.StatusBadRequest || got.Problem.Code != "INVALID_REQUEST") {
					t.Errorf("%s: %s", name, got)
				}

				if strings.Contains(string(got.Body), apptest.Password) || strings.Contains(string(got.Body), g.OwnerTokens.RefreshToken) {
					t.Errorf("%s: the response repeats a secret: %s", name, got)
				}
			}
		})
	}

	// F-05: members that the body lacks are not read from the query string.
	c := world.Call{Method: http.MethodPost, Path: "/api/auth/login", Query: credentials}.With("Content-Type", "application/x-www-form-urlencoded")
	if got := c.To(t, g.Server); got.Status != http.StatusBadRequest {
		t.Errorf("credentials in the query string only: %s", got)
	}

	me := world.Call{Method: http.MethodGet, Path: "/api/users/me", Query: "access_token=" + g.OwnerTokens.AccessToken}
	if got := me.To(t, g.Server); got.Status != http.StatusUnauthorized {
		t.Errorf("a token in the query string only: %s", got)
	}

	if strings.Contains(g.Log.String(), g.OwnerTokens.RefreshToken) || strings.Contains(g.Log.String(), url.QueryEscape(apptest.Password)) {
		t.Error("a query is in the log") // R-K4
	}
}
