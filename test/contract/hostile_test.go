package app_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/platform/config"
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

	h := &attacker{Rand: rand.New(rand.NewPCG(drawn, 0)), seed: drawn, desk: newDesk(t, tolerant), seen: map[string]map[int]int{}}
	list := operations()

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

// tolerant is a gateway that lets nobody wait: the throttles would hide everything else.
func tolerant(c *config.Config) {
	c.FailuresFree, c.FailureDelay, c.NetworkFailures = 100, time.Second, 1_000_000
	c.SendCooldown, c.SendsPerHour, c.SendsPerDay, c.NetworkSends, c.SMSPerDay = time.Second, 1_000_000, 1_000_000, 1_000_000, 1_000_000
	c.SessionLimit = 1_000 // or its own sign-ins would end its sessions
}

// attack makes one call, and says whether all is well.
func (h *attacker) attack(t *testing.T, o operation) bool {
	t.Helper()

	h.round++
	c, kind := h.draw(t, o)
	got := c.to(t, h.desk.Server)

	if fault := h.judge(c, kind, got); fault != "" {
		t.Errorf("round %d of -hostile.seed=%d, a %s call: %s\n%s %s?%.200s %.500q\n%.1000q\nanswered %s",
			h.round, h.seed, kind, fault, c.method, c.path, c.query, c.header, c.body, got)
	}

	if c.method != http.MethodOptions { // a preflight says more
		// Another method of the same path may be another operation.
		checkHeaders(t, fmt.Sprintf("round %d of -hostile.seed=%d", h.round, h.seed), cmp.Or(operationAt(c.method, c.path), &o), got)
	}

	// The method may have made another operation of it.
	asked := operationAt(c.method, c.path)
	own := c.header.Get("Authorization") == "Bearer "+h.desk.tokens.AccessToken ||
		slices.Contains(c.cookies("__Host-TOKEN"), h.desk.browser.Cookie("__Host-TOKEN"))

	if asked != nil && own && got.status < 300 && (endsSessions(*asked) || asked.OperationID == "renewSession") {
		h.desk.tokens, h.desk.browser = h.desk.SignIn(t, owner), h.desk.SignedIn(t, owner)
	}

	// In the rounds to come, the group has to be there, and whom the administrator looks after to be able to sign in.
	if asked != nil && asked.admin() && asked.method != http.MethodGet && got.status < 300 {
		h.desk.Exec(t, `
			UPDATE account SET status = 'active', deleted_at = NULL, member_group = 'None',
				password_hash = (SELECT password_hash FROM account WHERE email = $2)
			WHERE id = $1`, h.desk.subject, administrator)
		h.desk.Exec(t, "INSERT INTO member_group (name, created_at, updated_at) VALUES ('Member', now(), now()) ON CONFLICT DO NOTHING")
	}

	if h.seen[o.OperationID] == nil {
		h.seen[o.OperationID] = map[int]int{}
	}

	h.seen[o.OperationID][got.status]++

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

	desk  *desk
	seed  uint64
	round int
	good  call                   // what the call of this round was before it was spoiled
	seen  map[string]map[int]int // how often an operation answered a status

	wanted []string // the statuses that it is looking for
}

// judge says what is wrong with the answer.
func (h *attacker) judge(c call, k kind, got reply) string {
	asked := operationAt(c.method, c.path)

	switch {
	case got.status >= http.StatusInternalServerError:
		return "a fault of ours"
	case got.status < http.StatusOK || got.status >= 300 && got.status < 400 && (asked == nil || asked.Responses.Status(got.status) == nil):
		return "no answer, or a redirect"
	case k == invalid && got.status < http.StatusBadRequest:
		return "accepted"
	case k == valid && (got.problem.Code == "INVALID_REQUEST" || got.status == http.StatusUnsupportedMediaType || got.status == http.StatusNotAcceptable):
		return "refused"
	case got.status >= http.StatusBadRequest && c.method != http.MethodHead && (got.problem.Success == nil || *got.problem.Success || got.problem.Message == ""):
		return "not the error's shape"
	case asked != nil && got.status < 400 && h.lacks(*asked, c) != "":
		return "let in without " + h.lacks(*asked, c)
	}

	for _, leak := range []string{"SQLSTATE", "pgx", "panic", ".go:", "goroutine", "openapi3", "jsontext", "strconv", "reflect", "Schema:", canary} {
		if strings.Contains(string(got.body), leak) {
			return "the answer says " + leak
		}
	}

	return ""
}

// lacks names the credential that the operation needs and the call does not have as the good one did. Where there
// is more than one way to be let in, one of them is enough.
func (h *attacker) lacks(o operation, c call) string {
	header := func(name string) bool {
		return h.good.header.Get(name) == "" || !slices.Equal(c.header.Values(name), h.good.header.Values(name))
	}
	cookie := func(name string) bool {
		return len(h.good.cookies(name)) == 0 || !slices.Equal(c.cookies(name), h.good.cookies(name))
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
func (h *attacker) draw(t *testing.T, o operation) (call, kind) {
	t.Helper()

	c, k := h.desk.call(o), valid

	// What only a secret opens is opened with it, sometimes: each of these signs somebody in, and so costs a hash.
	if h.IntN(8) == 0 || h.wanted != nil && o.admin() && h.IntN(2) == 0 {
		way := h.wayIn(o)
		if c = way.ask(t, h.desk, o); way.code != "" {
			k = mad
		}

		if h.wanted != nil && o.admin() {
			h.good = c

			return c, k // as it is, or its answer would hardly ever come
		}
	}

	h.good = c

	if len(o.Parameters) > 0 && h.IntN(3) == 0 {
		parameter := o.Parameters[h.IntN(len(o.Parameters))].Value
		c, k = h.desk.mistaken(o, parameter, drawn(h, badParameters(parameter))), invalid
		mistake := c.header.Get(parameter.Name)

		c.header = h.good.header.Clone()
		if parameter.In == openapi3.ParameterInHeader {
			c.header.Set(parameter.Name, mistake)
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
			field := pick(h, o.fields()...)
			c.body, k = h.desk.spoiled(o, field, drawn(h, badValues(o, field))), invalid
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
func (h *attacker) wayIn(o operation) scenario {
	var ways []scenario

	for _, s := range scenarios {
		wanted := o.admin() && (h.wanted == nil || slices.Contains(h.wanted, s.status))
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
func (h *attacker) credential(o operation, c call) call {
	choice := h.IntN(3)
	if choice == 2 && endsSessions(o) {
		choice = h.IntN(3) // each of these costs a sign-in, and so a hash
	}

	names := []string{"Authorization"}
	if o.public() {
		names = [][]string{{"Cookie"}, {"X-XSRF-TOKEN"}, {"Cookie", "X-XSRF-TOKEN"}}[h.IntN(3)]
	}

	for _, name := range names {
		switch {
		case choice == 0:
			c = c.without(name)
		case choice == 1 && name == "Authorization":
			c = c.with(name, pick(h, "Bearer x", "Bearer", "Basic eDp5", "Bearer a.b.c", "Bearer "+h.noise(60), h.noise(20)))
		case choice == 1:
			value := c.header.Get(name)
			c = c.with(name, pick(h, h.scrambledHeader(value), value+"x", h.noise(60), "__Host-TOKEN=", "__Host-TOKEN="+h.noise(50), "__Host-PRE="+strings.Repeat("A", 22)))
		}
	}

	return c
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

// unseen are the statuses of the document that the operation has not answered yet, but for those of a broken
// gateway, and of one that makes people wait.
func (h *attacker) unseen(o operation) []string {
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
