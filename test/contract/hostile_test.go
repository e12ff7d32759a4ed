package contract_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
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

	h := &attacker{Rand: rand.New(rand.NewPCG(drawn, 0)), seed: drawn, desk: world.NewGateway(t, world.WithoutWaits), seen: map[string]map[int]int{}}
	list := world.Operations()

	for range rounds {
		if !h.attack(t, list[h.IntN(len(list))]) {
			return
		}
	}

	// It goes on with each operation until it has seen all that can be had of it.
	for _, o := range list {
		for range rounds {
			if h.wanted = h.unseen(o); len(h.wanted) == 0 {
				break
			}

			if !h.attack(t, o) {
				return
			}
		}
	}

	for _, o := range list {
		t.Logf("%-22s %v", o.OperationID, h.seen[o.OperationID])

		if missing := h.unseen(o); len(missing) > 0 {
			t.Errorf("-hostile.seed=%d: %s never answered %v", drawn, o.OperationID, missing)
		}
	}
}

// attack makes one call, and says whether all is well.
func (h *attacker) attack(t *testing.T, o world.Operation) bool {
	t.Helper()

	h.round++
	c, kind := h.draw(t, o)
	got := c.To(t, h.desk.Server)

	if fault := h.judge(c, kind, got); fault != "" {
		t.Errorf("round %d of -hostile.seed=%d, a %s call: %s\n%s %s?%.200s %.500q\n%.1000q\nanswered %s",
			h.round, h.seed, kind, fault, c.Method, c.Path, c.Query, c.Header, c.Body, got)
	}

	if c.Method != http.MethodOptions { // a preflight says more
		// Another method of the same path may be another operation.
		world.CheckHeaders(t, fmt.Sprintf("round %d of -hostile.seed=%d", h.round, h.seed), cmp.Or(world.OperationAt(c.Method, c.Path), &o), got)
	}

	// The method may have made another operation of it.
	asked := world.OperationAt(c.Method, c.Path)
	own := c.Header.Get("Authorization") == "Bearer "+h.desk.OwnerTokens.AccessToken ||
		slices.Contains(c.Cookies("__Host-TOKEN"), h.desk.OwnerBrowser.Cookie("__Host-TOKEN"))

	if asked != nil && own && got.Status < 300 && (endsSessions(*asked) || asked.OperationID == "renewSession") {
		h.desk.OwnerTokens, h.desk.OwnerBrowser = h.desk.SignIn(t, world.Owner), h.desk.SignedIn(t, world.Owner)
	}

	// In the rounds to come, the group has to be there, and whom the administrator looks after to be able to sign in.
	if asked != nil && asked.IsAdmin() && asked.Method != http.MethodGet && got.Status < 300 {
		h.desk.Exec(t, `
			UPDATE account SET status = 'active', deleted_at = NULL, member_group = 'None',
				password_hash = (SELECT password_hash FROM account WHERE email = $2)
			WHERE id = $1`, h.desk.SubjectID, world.Administrator)
		h.desk.Exec(t, "INSERT INTO member_group (name, created_at, updated_at) VALUES ('Member', now(), now()) ON CONFLICT DO NOTHING")
	}

	if h.seen[o.OperationID] == nil {
		h.seen[o.OperationID] = map[int]int{}
	}

	h.seen[o.OperationID][got.Status]++

	return !t.Failed()
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

	desk  *world.Gateway
	seed  uint64
	round int
	good  world.Call             // what the call of this round was before it was spoiled
	seen  map[string]map[int]int // how often an operation answered a status

	wanted []string // the statuses that it is looking for
}

// judge says what is wrong with the answer.
func (h *attacker) judge(c world.Call, k kind, got world.Reply) string {
	asked := world.OperationAt(c.Method, c.Path)

	switch {
	case got.Status >= http.StatusInternalServerError:
		return "a fault of ours"
	case got.Status < http.StatusOK || got.Status >= 300 && got.Status < 400 && (asked == nil || asked.Responses.Status(got.Status) == nil):
		return "no answer, or a redirect"
	case k == invalid && got.Status < http.StatusBadRequest:
		return "accepted"
	case k == valid && (got.Problem.Code == "INVALID_REQUEST" || got.Status == http.StatusUnsupportedMediaType || got.Status == http.StatusNotAcceptable):
		return "refused"
	case got.Status >= http.StatusBadRequest && c.Method != http.MethodHead && (got.Problem.Success == nil || *got.Problem.Success || got.Problem.Message == ""):
		return "not the error's shape"
	case asked != nil && got.Status < 400 && h.lacks(*asked, c) != "":
		return "let in without " + h.lacks(*asked, c)
	}

	for _, leak := range []string{"SQLSTATE", "pgx", "panic", ".go:", "goroutine", "openapi3", "jsontext", "strconv", "reflect", "Schema:", canary} {
		if strings.Contains(string(got.Body), leak) {
			return "the answer says " + leak
		}
	}

	return ""
}

// lacks names the credential that the operation needs and the call does not have as the good one did. Where there
// is more than one way to be let in, one of them is enough.
func (h *attacker) lacks(o world.Operation, c world.Call) string {
	header := func(name string) bool {
		return h.good.Header.Get(name) == "" || !slices.Equal(c.Header.Values(name), h.good.Header.Values(name))
	}
	cookie := func(name string) bool {
		return len(h.good.Cookies(name)) == 0 || !slices.Equal(c.Cookies(name), h.good.Cookies(name))
	}

	var missing string

	for _, way := range *o.Security {
		switch {
		case way["bearer"] != nil && header("Authorization"):
			missing = "the token"
		case way["session"] != nil && cookie("__Host-TOKEN"):
			missing = "the cookie"
		case way["xsrf"] != nil && header("X-XSRF-TOKEN"):
			missing = "the XSRF token"
		case way["xsrf"] != nil && cookie("__Host-TOKEN") && cookie("__Host-PRE"):
			missing = "what the XSRF token is bound to"
		default:
			return ""
		}
	}

	return missing
}

// draw makes a request, in one of the credential states.
func (h *attacker) draw(t *testing.T, o world.Operation) (world.Call, kind) {
	t.Helper()

	c, k := h.desk.Call(o), valid

	// What only a secret opens is opened with it, sometimes: each of these signs somebody in, and so costs a hash.
	if h.IntN(8) == 0 || h.wanted != nil && o.IsAdmin() && h.IntN(2) == 0 {
		way := h.wayIn(o)
		if c = way.ask(t, h.desk, o); way.code != "" {
			k = mad
		}

		if h.wanted != nil && o.IsAdmin() {
			h.good = c

			return c, k // as it is, or its answer would hardly ever come
		}
	}

	h.good = c

	if len(o.Parameters) > 0 && h.IntN(3) == 0 {
		parameter := o.Parameters[h.IntN(len(o.Parameters))].Value
		c, k = mistaken(h.desk, o, parameter, drawn(h, badParameters(parameter))), invalid
		mistake := c.Header.Get(parameter.Name)

		c.Header = h.good.Header.Clone()
		if parameter.In == openapi3.ParameterInHeader {
			c.Header.Set(parameter.Name, mistake)
		}
	}

	if o.RequestBody != nil {
		values := h.values(o)

		choice := h.IntN(6)
		if choice == 1 && (o.OperationID == "login" || o.OperationID == "signIn") {
			choice = h.IntN(6) // each of these computes a hash, which takes its time
		}

		switch choice {
		case 0: // as it came
		case 1:
			c.Body = o.Encode(values)
		case 2:
			c.Body, k = o.Encode(h.nearly(o, values)), invalid
		case 3:
			if o.Media() == "application/json" {
				c.Body = h.tree(3)
			} else {
				c.Body = h.form()
			}

			k = mad
		case 4:
			c.Body, k = h.scrambled(c.Body), mad
		case 5:
			field := pick(h, o.Fields()...)
			c.Body, k = spoiled(h.desk, o, field, drawn(h, badValues(o, field))), invalid
		}
	}

	c = h.credential(o, c)
	c, k = h.around(c, k)

	if k == valid && h.lacks(o, c) != "" {
		k = invalid
	}

	return c, k
}

// wayIn provokes the good answer of the operation, or any that is wanted, where it is an administrator's: those hang
// on what is there already.
func (h *attacker) wayIn(o world.Operation) scenario {
	var ways []scenario

	for _, s := range scenarios {
		wanted := o.IsAdmin() && (h.wanted == nil || slices.Contains(h.wanted, s.status))
		if s.operation == o.OperationID && s.at == open && (s.code == "" || wanted) {
			ways = append(ways, s)
		}
	}

	if len(ways) == 0 {
		return scenario{ask: good}
	}

	return pick(h, ways...)
}

// credential takes one away, sometimes, or puts garbage in its place.
func (h *attacker) credential(o world.Operation, c world.Call) world.Call {
	choice := h.IntN(3)
	if choice == 2 && endsSessions(o) {
		choice = h.IntN(3) // each of these costs a sign-in, and so a hash
	}

	names := []string{"Authorization"}
	if o.IsPublic() {
		names = [][]string{{"Cookie"}, {"X-XSRF-TOKEN"}, {"Cookie", "X-XSRF-TOKEN"}}[h.IntN(3)]
	}

	for _, name := range names {
		switch {
		case choice == 0:
			c = c.Without(name)
		case choice == 1 && name == "Authorization":
			c = c.With(name, pick(h, "Bearer x", "Bearer", "Basic eDp5", "Bearer a.b.c", "Bearer "+h.noise(60), h.noise(20)))
		case choice == 1:
			value := c.Header.Get(name)
			c = c.With(name, pick(h, h.scrambledHeader(value), value+"x", h.noise(60), "__Host-TOKEN=", "__Host-TOKEN="+h.noise(50), "__Host-PRE="+strings.Repeat("A", 22)))
		}
	}

	return c
}

// around changes what stands around the body, sometimes.
func (h *attacker) around(c world.Call, k kind) (world.Call, kind) {
	for range h.IntN(3) {
		switch h.IntN(10) {
		case 0:
			c, k = c.With("Content-Type", pick(h, "text/plain", "application/json", "application/x-www-form-urlencoded", "multipart/form-data", h.noise(20))), mad
		case 1:
			c, k = c.With("Accept", pick(h, "text/html", "image/*, text/*", "application/json;q=0", "*/*", h.noise(20))), mad
		case 2:
			c, k = c.With("Content-Encoding", pick(h, "gzip", "identity", "br", h.noise(5))), mad
		case 3:
			c.Method, k = pick(h, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"), mad
		case 4:
			c.Query, k = pick(h, "a=1", "a;b", "%zz", "email=x&password=y", manyNames(60), "access_token=x", "%00"), mad
		case 5:
			c.Path, k = c.Path+pick(h, "/", "//", "%00", "/..", "x", "%2F", ";a=b", "."), mad
		case 6:
			c, k = c.With("X-Request-Id", h.noise(30)), mad
		case 7:
			c.Body, k = c.Body+strings.Repeat(" ", 1<<(15+h.IntN(3))), mad
		case 8:
			c = c.With("Accept-Language", pick(h, "en", "zh-CN", "en;q=9", h.noise(40))).With("User-Agent", h.noise(400))
		case 9:
			c = c.With("X-Forwarded-For", h.noise(30)).With("Origin", h.noise(20)).With("Cookie", h.noise(60)).With("Forwarded", h.noise(20))
			c.Chunked = true
		}
	}

	return c, k
}

// unseen are the statuses of the document that the operation has not answered yet, but for those of a broken
// gateway, and of one that makes people wait.
func (h *attacker) unseen(o world.Operation) []string {
	var missing []string

	for status := range o.Responses.Map() {
		var number int
		if _, err := fmt.Sscan(status, &number); err != nil {
			panic(err)
		}

		rare := []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
		if !slices.Contains(rare, number) && h.seen[o.OperationID][number] == 0 {
			missing = append(missing, status)
		}
	}

	slices.Sort(missing)

	return missing
}
