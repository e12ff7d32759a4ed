package app_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

var seed = flag.Uint64("hostile.seed", 0, "seed of TestHostileClient; 0 draws one, which a failure prints")

// T-01, R-J4, R-J5, R-J6, R-K2: whatever a client sends, valid, almost valid or mad, with a credential,
// none or garbage, the answer is one that the document promises, and never our fault.
func TestHostileClient(t *testing.T) {
	t.Parallel()

	hostile(t, 2_000)
}

// hostile sends so many random requests. apptest.Conforming looks at each answer as well.
func hostile(t *testing.T, rounds int) {
	t.Helper()

	drawn := *seed
	if drawn == 0 {
		drawn = rand.Uint64()
	}

	h := &attacker{Rand: rand.New(rand.NewPCG(drawn, 0)), desk: newDesk(t)}
	list := operations()
	seen := map[string]map[int]int{}

	for round := range rounds {
		o := list[h.IntN(len(list))]
		c, kind := h.draw(o)
		got := c.to(t, h.desk.Server)

		if fault := h.judge(o, c, kind, got); fault != "" {
			t.Errorf("round %d of -hostile.seed=%d, a %s call: %s\n%s %s?%.200s %.500q\n%.1000q\nanswered %s",
				round, drawn, kind, fault, c.method, c.path, c.query, c.header, c.body, got)
		}

		if c.method != http.MethodOptions { // a preflight says more
			checkHeaders(t, fmt.Sprintf("round %d of -hostile.seed=%d", round, drawn), got)
		}

		if t.Failed() {
			return
		}

		if got.status == http.StatusNoContent && o.OperationID == "logout" {
			h.desk.tokens = h.desk.SignIn(t, owner)
		}

		if seen[o.OperationID] == nil {
			seen[o.OperationID] = map[int]int{}
		}

		seen[o.OperationID][got.status]++
	}

	checkCoverage(t, drawn, seen)
}

// kind says what the answer may be.
type kind string

const (
	valid   kind = "valid"   // not to be blamed on the input
	invalid kind = "invalid" // to be refused
	mad     kind = "mad"     // anything but a fault of ours
)

type attacker struct {
	*rand.Rand

	desk *desk
}

// judge says what is wrong with the answer.
func (h *attacker) judge(o operation, c call, k kind, got reply) string {
	switch {
	case got.status >= http.StatusInternalServerError:
		return "a fault of ours"
	case got.status < http.StatusOK || got.status >= 300 && got.status < 400:
		return "no answer, or a redirect"
	case k == invalid && got.status < http.StatusBadRequest:
		return "accepted"
	case k == valid && (got.problem.Code == "INVALID_REQUEST" || got.status == http.StatusUnsupportedMediaType || got.status == http.StatusNotAcceptable):
		return "refused"
	case got.status >= http.StatusBadRequest && c.method != http.MethodHead && (got.problem.Success == nil || *got.problem.Success || got.problem.Message == ""):
		return "not the error's shape"
	case o.secured("bearer") && got.status < 300 && c.method != http.MethodOptions && c.header.Get("Authorization") != "Bearer "+h.desk.tokens.AccessToken:
		return "let in without the token"
	}

	for _, leak := range []string{"SQLSTATE", "pgx", "panic", ".go:", "goroutine", "openapi3", "jsontext", "strconv", "reflect", "Schema:", canary} {
		if strings.Contains(string(got.body), leak) {
			return "the answer says " + leak
		}
	}

	return ""
}

// draw makes a request, in one of the credential states.
func (h *attacker) draw(o operation) (call, kind) {
	c, k := h.desk.call(o), valid

	if o.RequestBody != nil {
		values := map[string]any{}
		for _, name := range o.fields() { // in their order, so that a seed says everything
			values[name] = h.fitting(o.RequestBody.Value.Content[o.media()].Schema.Value.Properties[name].Value)
		}

		choice := h.IntN(6)
		if choice == 1 && o.OperationID == "login" {
			choice = h.IntN(6) // each of these computes a hash, which takes its time
		}

		switch choice {
		case 0: // as it came
		case 1:
			c.body = o.encode(values)
		case 2:
			c.body, k = o.encode(h.nearly(o, values)), invalid
		case 3:
			if o.media() == "application/json" {
				c.body = h.tree(3)
			} else {
				c.body = h.form()
			}

			k = mad
		case 4:
			c.body, k = h.scrambled(c.body), mad
		case 5:
			fields := o.fields()
			bad := badValues(o)
			names := slices.Sorted(maps.Keys(bad))
			c.body, k = h.desk.spoiled(o, fields[h.IntN(len(fields))], bad[names[h.IntN(len(names))]]), invalid
		}
	}

	credential := h.IntN(3)
	if credential == 2 && o.OperationID == "logout" {
		credential = h.IntN(3) // each of these costs a sign-in, and so a hash
	}

	switch credential {
	case 0:
		c = c.without("Authorization")
	case 1:
		c = c.with("Authorization", pick(h, "Bearer x", "Bearer", "Basic eDp5", "Bearer a.b.c", "Bearer "+h.noise(60), h.noise(20)))
	}

	if o.secured("bearer") && c.header.Get("Authorization") != "Bearer "+h.desk.tokens.AccessToken {
		k = invalid
	}

	return h.around(c, k)
}

// around changes what stands around the body, sometimes.
func (h *attacker) around(c call, k kind) (call, kind) {
	for range h.IntN(3) {
		switch h.IntN(10) {
		case 0:
			c, k = c.with("Content-Type", pick(h, "text/plain", "application/json", "application/x-www-form-urlencoded", "multipart/form-data", h.noise(20))), mad
		case 1:
			c, k = c.with("Accept", pick(h, "text/html", "image/*, text/*", "application/json;q=0", "*/*", h.noise(20))), mad
		case 2:
			c, k = c.with("Content-Encoding", pick(h, "gzip", "identity", "br", h.noise(5))), mad
		case 3:
			c.method, k = pick(h, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"), mad
		case 4:
			c.query, k = pick(h, "a=1", "a;b", "%zz", "email=x&password=y", manyNames(60), "access_token=x", "%00"), mad
		case 5:
			c.path, k = c.path+pick(h, "/", "//", "%00", "/..", "x", "%2F", ";a=b", "."), mad
		case 6:
			c, k = c.with("X-Request-Id", h.noise(30)), mad
		case 7:
			c.body, k = c.body+strings.Repeat(" ", 1<<(15+h.IntN(3))), mad
		case 8:
			c = c.with("Accept-Language", pick(h, "en", "zh-CN", "en;q=9", h.noise(40))).with("User-Agent", h.noise(400))
		case 9:
			c = c.with("X-Forwarded-For", h.noise(30)).with("Origin", h.noise(20)).with("Cookie", h.noise(60)).with("Forwarded", h.noise(20))
			c.chunked = true
		}
	}

	return c, k
}

// fitting draws a value that the schema allows.
func (h *attacker) fitting(schema *openapi3.Schema) any {
	switch {
	case schema.Format == "email":
		return fmt.Sprintf("%s.%d@%s", pick(h, "a", "A.b", "x+y", "o'neil", "a_b", "1"), h.IntN(1_000_000), pick(h, "konec.com.au", "bücher.example", "KONEC.COM.AU"))
	case schema.Pattern == "^[0-9]{6}$":
		return fmt.Sprintf("%06d", h.IntN(1_000_000))
	}

	letters := []rune("abcXYZ019 -_.'\"\\/<>&%;:,[]{}äßÅ汉字かな한글🦊🐢")
	if schema.Format == "display-name" {
		letters = letters[:len(letters)-1]
	}

	low := max(int(schema.MinLength), 1)
	text := make([]rune, low+h.IntN(min(int(*schema.MaxLength), 200)-low+1))

	for i := range text {
		text[i] = letters[h.IntN(len(letters))]
	}

	text[0], text[len(text)-1] = 'q', 'q' // a name of spaces is none

	return string(text)
}

// nearly breaks one constraint of one member.
func (h *attacker) nearly(o operation, values map[string]any) map[string]any {
	fields := o.fields()
	name := fields[h.IntN(len(fields))]
	schema := o.RequestBody.Value.Content[o.media()].Schema.Value.Properties[name].Value

	switch h.IntN(6) {
	case 0:
		delete(values, name)
	case 1:
		values[name] = strings.Repeat("q", int(*schema.MaxLength)+1)
	case 2:
		values[name] = strings.Repeat("q", int(schema.MinLength)-1)
	case 3:
		values[name] = fmt.Sprint(values[name]) + "\x00"
	case 4:
		values[pick(h, "role", "_id", "__v", "admin", strings.ToUpper(name), strings.ToUpper(name[:1])+name[1:], name+" ", "")] = canary
	case 5:
		values[name] = pick[any](h, []any{}, map[string]any{}, nil, 17, -1.5, true, "")
		if o.media() != "application/json" {
			values[name] = ""
		}
	}

	return values
}

// tree draws any JSON, with some of our names in it.
func (h *attacker) tree(depth int) string {
	if depth == 0 || h.IntN(3) == 0 {
		return pick(h, "null", "true", "0", "-0", "1e999", "9007199254740993", `""`, `"a@konec.com.au"`, `"\u0000"`, `"\ud83e"`, "\"\xff\"", "nul", "[", `"`, "NaN")
	}

	parts := make([]string, h.IntN(5))
	for i := range parts {
		parts[i] = h.tree(depth - 1)
	}

	if h.IntN(3) == 0 {
		return "[" + strings.Join(parts, ",") + "]"
	}

	for i := range parts {
		name, _ := json.Marshal(pick(h, "email", "password", "username", "verificationCode", "refresh_token", "Email", "", "__proto__", h.noise(8)))
		parts[i] = string(name) + ":" + parts[i]
	}

	return "{" + strings.Join(parts, ",") + "}"
}

// form draws any form.
func (h *attacker) form() string {
	parts := make([]string, h.IntN(60))
	for i := range parts {
		parts[i] = pick(h, "email", "password", "Email", "email[]", "%65mail", "", "a%00", "%", h.noise(6)) + pick(h, "", "=", "==", "=a%40konec.com.au", "=%FF", "=%00", "=+", "="+canary, "="+h.noise(10))
	}

	return strings.Join(parts, pick(h, "&", "&", "&", ";", "&&"))
}

// scrambled changes a few bytes.
func (h *attacker) scrambled(s string) string {
	text := []byte(s)

	for range 1 + h.IntN(4) {
		if len(text) == 0 {
			break
		}

		at := h.IntN(len(text))

		switch h.IntN(4) {
		case 0:
			text[at] = byte(h.IntN(256))
		case 1:
			text = slices.Delete(text, at, at+1)
		case 2:
			text = slices.Insert(text, at, byte(h.IntN(256)))
		case 3:
			text = text[:at]
		}
	}

	return string(text)
}

// noise draws a text that may stand in a header.
func (h *attacker) noise(most int) string {
	text := make([]byte, h.IntN(most+1))
	for i := range text {
		if text[i] = byte(0x20 + h.IntN(0xe0)); text[i] == 0x7f {
			text[i] = '~'
		}
	}

	return strings.TrimSpace(string(text))
}

func pick[T any](h *attacker, from ...T) T { return from[h.IntN(len(from))] }

// checkCoverage wants every status of the document that needs no broken gateway to have been seen: else
// the attacker never got as far.
func checkCoverage(t *testing.T, drawn uint64, seen map[string]map[int]int) {
	t.Helper()

	for _, o := range operations() {
		t.Logf("%-22s %v", o.OperationID, seen[o.OperationID])

		for status := range o.Responses.Map() {
			var number int
			if _, err := fmt.Sscan(status, &number); err != nil {
				t.Fatal(err)
			}

			// Nobody guesses the code of a mail, and nothing here is broken.
			rare := []int{http.StatusCreated, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
			if !slices.Contains(rare, number) && seen[o.OperationID][number] == 0 {
				t.Errorf("-hostile.seed=%d: %s never answered %s", drawn, o.OperationID, status)
			}
		}
	}
}
