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

// T-01, R-J4, R-J5, R-J6, R-K2: whatever a client sends, valid, almost valid or arbitrary, with a credential, without
// one or with garbage, the response is one that the document promises, and never a 500.
func TestHostileClient(t *testing.T) {
	t.Parallel()

	sendRandomRequests(t, 2_000)
}

// sendRandomRequests sends this many random requests. apptest.Conforming checks each response too.
func sendRandomRequests(t *testing.T, rounds int) {
	t.Helper()

	drawn := *seed
	if drawn == 0 {
		drawn = rand.Uint64()
	}

	f := &fuzzer{Rand: rand.New(rand.NewPCG(drawn, 0)), seed: drawn, gateway: world.NewGateway(t, world.WithoutWaits), seen: map[string]map[int]int{}}
	list := world.Operations()

	for range rounds {
		if !f.sendOne(t, list[f.IntN(len(list))]) {
			return
		}
	}

	// Then it calls each operation until it has seen every status that the operation can return.
	for _, o := range list {
		for range rounds {
			if f.wanted = f.unseen(o); len(f.wanted) == 0 {
				break
			}

			if !f.sendOne(t, o) {
				return
			}
		}
	}

	for _, o := range list {
		t.Logf("%-22s %v", o.OperationID, f.seen[o.OperationID])

		if missing := f.unseen(o); len(missing) > 0 {
			t.Errorf("-hostile.seed=%d: %s never returned %v", drawn, o.OperationID, missing)
		}
	}
}

// sendOne sends one request and reports whether everything is right.
func (f *fuzzer) sendOne(t *testing.T, o world.Operation) bool {
	t.Helper()

	f.round++
	c, kind := f.draw(t, o)
	got := c.To(t, f.gateway.Server)

	if fault := f.fault(c, kind, got); fault != "" {
		t.Errorf("round %d of -hostile.seed=%d, a %s call: %s\n%s %s?%.200s %.500q\n%.1000q\nresponse %s",
			f.round, f.seed, kind, fault, c.Method, c.Path, c.Query, c.Header, c.Body, got)
	}

	if c.Method != http.MethodOptions { // a preflight has more headers
		// Another method of the same path may be another operation.
		world.CheckHeaders(t, fmt.Sprintf("round %d of -hostile.seed=%d", f.round, f.seed), cmp.Or(world.OperationAt(c.Method, c.Path), &o), got)
	}

	// The changed method may have called another operation.
	asked := world.OperationAt(c.Method, c.Path)
	own := c.Header.Get("Authorization") == "Bearer "+f.gateway.OwnerTokens.AccessToken ||
		slices.Contains(c.Cookies("__Host-TOKEN"), f.gateway.OwnerBrowser.Cookie("__Host-TOKEN"))

	if asked != nil && own && got.Status < 300 && (endsSessions(*asked) || asked.OperationID == "renewSession") {
		f.gateway.KeepSignedIn(t) // the account may be deleted
		f.gateway.OwnerTokens, f.gateway.OwnerBrowser = f.gateway.SignIn(t, world.Owner), f.gateway.SignedIn(t, world.Owner)
	}

	// Later rounds need the group, and an account of the administrator's subject that can sign in.
	if asked != nil && asked.IsAdmin() && asked.Method != http.MethodGet && got.Status < 300 {
		f.gateway.Exec(t, `
			UPDATE account SET status = 'active', deleted_at = NULL, member_group = 'None',
				password_hash = (SELECT password_hash FROM account WHERE email = $2)
			WHERE id = $1`, f.gateway.SubjectID, world.Administrator)
		f.gateway.Exec(t, "INSERT INTO member_group (name, created_at, updated_at) VALUES ('Member', now(), now()) ON CONFLICT DO NOTHING")
	}

	if f.seen[o.OperationID] == nil {
		f.seen[o.OperationID] = map[int]int{}
	}

	f.seen[o.OperationID][got.Status]++

	return !t.Failed()
}

// kind is which responses a request may get.
type kind string

const (
	valid     kind = "valid"     // must not be refused as invalid input
	invalid   kind = "invalid"   // must be refused
	arbitrary kind = "arbitrary" // may get anything but a 500
)

type fuzzer struct {
	*rand.Rand

	gateway *world.Gateway
	seed    uint64
	round   int
	valid   world.Call             // this round's call before it was changed
	seen    map[string]map[int]int // how often each operation has returned each status

	wanted []string // the statuses that the fuzzer is looking for
}

// fault returns a description of what is wrong with the response, or an empty string.
func (f *fuzzer) fault(c world.Call, k kind, got world.Reply) string {
	asked := world.OperationAt(c.Method, c.Path)

	switch {
	case got.Status >= http.StatusInternalServerError:
		return "a fault of ours"
	case got.Status < http.StatusOK || got.Status >= 300 && got.Status < 400 && (asked == nil || asked.Responses.Status(got.Status) == nil):
		return "no response, or a redirect"
	case k == invalid && got.Status < http.StatusBadRequest:
		return "accepted"
	case k == valid && (got.Problem.Code == "INVALID_REQUEST" || got.Status == http.StatusUnsupportedMediaType || got.Status == http.StatusNotAcceptable):
		return "refused"
	case got.Status >= http.StatusBadRequest && c.Method != http.MethodHead && (got.Problem.Success == nil || *got.Problem.Success || got.Problem.Message == ""):
		return "not the error's shape"
	case asked != nil && got.Status < 400 && f.missingCredential(*asked, c) != "":
		return "let in without " + f.missingCredential(*asked, c)
	}

	// No text of three letters: random ids contain it now and then.
	for _, leak := range []string{"SQLSTATE", "pgx:", "pgxpool", "pgconn", "panic", ".go:", "goroutine", "openapi3", "jsontext", "strconv", "reflect", "Schema:", canary} {
		if strings.Contains(string(got.Body), leak) {
			return "the response contains " + leak
		}
	}

	return ""
}

// missingCredential names a credential that the operation requires and that differs from the one of the valid call. If
// the operation accepts alternatives, one is enough.
func (f *fuzzer) missingCredential(o world.Operation, c world.Call) string {
	header := func(name string) bool {
		return f.valid.Header.Get(name) == "" || !slices.Equal(c.Header.Values(name), f.valid.Header.Values(name))
	}
	cookie := func(name string) bool {
		return len(f.valid.Cookies(name)) == 0 || !slices.Equal(c.Cookies(name), f.valid.Cookies(name))
	}

	var missing string

	for _, way := range *o.Security {
		switch {
		case way["bearer"] != nil && header("Authorization"):
			missing = "the token"
		case way["sessionCookie"] != nil && cookie("__Host-TOKEN"):
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

// draw draws a request, with one of the states of its credential.
func (f *fuzzer) draw(t *testing.T, o world.Operation) (world.Call, kind) {
	t.Helper()

	c, k := f.gateway.Call(o), valid

	// Sometimes it makes the call that needs a secret with that secret. Each of these signs a user in, and so costs a
	// hash.
	if f.IntN(8) == 0 || f.wanted != nil && o.IsAdmin() && f.IntN(2) == 0 {
		way := f.wantedScenario(o)
		if c = way.call(t, f.gateway, o); way.code != "" {
			k = arbitrary
		}

		if f.wanted != nil && o.IsAdmin() {
			f.valid = c

			return c, k // unchanged, or its response would be very rare
		}
	}

	f.valid = c

	if len(o.Parameters) > 0 && f.IntN(3) == 0 {
		parameter := o.Parameters[f.IntN(len(o.Parameters))].Value
		c, k = withParameter(f.gateway, o, parameter, pickValue(f, badParameters(parameter))), invalid
		mistake := c.Header.Get(parameter.Name)

		c.Header = f.valid.Header.Clone()
		if parameter.In == openapi3.ParameterInHeader {
			c.Header.Set(parameter.Name, mistake)
		}
	}

	if o.RequestBody != nil {
		values := f.values(o)

		choice := f.IntN(6)
		if choice == 1 && (o.OperationID == "login" || o.OperationID == "signIn") {
			choice = f.IntN(6) // each of these computes a hash, which is slow
		}

		switch choice {
		case 0: // unchanged
		case 1:
			c.Body = o.Encode(values)
		case 2:
			c.Body, k = o.Encode(f.breakConstraint(o, values)), invalid
		case 3:
			if o.Media() == "application/json" {
				c.Body = f.anyJSON(3)
			} else {
				c.Body = f.form()
			}

			k = arbitrary
		case 4:
			c.Body, k = f.scramble(c.Body), arbitrary
		case 5:
			field := pick(f, o.Fields()...)
			c.Body, k = bodyWithField(f.gateway, o, field, pickValue(f, badValues(o, field))), invalid
		}
	}

	c = f.changeCredential(o, c)
	c, k = f.changeRequest(c, k)

	if k == valid && f.missingCredential(o, c) != "" {
		k = invalid
	}

	return c, k
}

// wantedScenario returns a scenario with a successful response or, for operations of administrators, with any wanted
// one: those depend on existing data. Only a right first factor is asked for the second, and only the last administrator may not leave.
func (f *fuzzer) wantedScenario(o world.Operation) scenario {
	var ways []scenario

	for _, s := range scenarios {
		wanted := o.IsAdmin() && (f.wanted == nil || slices.Contains(f.wanted, s.status)) ||
			slices.Contains([]string{"TOTP_REQUIRED", "LAST_ADMINISTRATOR"}, s.code) && slices.Contains(f.wanted, s.status)
		if s.operation == o.OperationID && s.state == healthy && (s.code == "" || wanted) {
			ways = append(ways, s)
		}
	}

	if len(ways) == 0 {
		return scenario{call: validCall}
	}

	return pick(f, ways...)
}

// changeCredential sometimes removes a credential or replaces it with garbage.
func (f *fuzzer) changeCredential(o world.Operation, c world.Call) world.Call {
	choice := f.IntN(3)
	if choice == 2 && endsSessions(o) {
		choice = f.IntN(3) // each of these costs a sign-in, and so a hash
	}

	names := []string{"Authorization"}
	if o.IsPublic() {
		names = [][]string{{"Cookie"}, {"X-XSRF-TOKEN"}, {"Cookie", "X-XSRF-TOKEN"}}[f.IntN(3)]
	}

	for _, name := range names {
		switch {
		case choice == 0:
			c = c.Without(name)
		case choice == 1 && name == "Authorization":
			c = c.With(name, pick(f, "Bearer x", "Bearer", "Basic eDp5", "Bearer a.b.c", "Bearer "+f.headerText(60), f.headerText(20)))
		case choice == 1:
			value := c.Header.Get(name)
			c = c.With(name, pick(f, f.scrambleHeader(value), value+"x", f.headerText(60), "__Host-TOKEN=", "__Host-TOKEN="+f.headerText(50), "__Host-PRE="+strings.Repeat("A", 22)))
		}
	}

	return c
}

// changeRequest sometimes changes the method, the path, the query or a header.
func (f *fuzzer) changeRequest(c world.Call, k kind) (world.Call, kind) {
	for range f.IntN(3) {
		switch f.IntN(11) {
		case 0:
			c, k = c.With("Content-Type", pick(f, "text/plain", "application/json", "application/x-www-form-urlencoded", "multipart/form-data", f.headerText(20))), arbitrary
		case 1:
			c, k = c.With("Accept", pick(f, "text/html", "image/*, text/*", "application/json;q=0", "*/*", f.headerText(20))), arbitrary
		case 2:
			c, k = c.With("Content-Encoding", pick(f, "gzip", "identity", "br", f.headerText(5))), arbitrary
		case 3:
			c.Method, k = pick(f, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"), arbitrary
		case 4:
			c.Query, k = pick(f, "a=1", "a;b", "%zz", "email=x&password=y", manyNames(60), "access_token=x", "%00"), arbitrary
		case 5:
			c.Path, k = c.Path+pick(f, "/", "//", "%00", "/..", "x", "%2F", ";a=b", "."), arbitrary
		case 6:
			c, k = c.With("X-Request-Id", f.headerText(30)), arbitrary
		case 7:
			c.Body, k = c.Body+strings.Repeat(" ", 1<<(15+f.IntN(3))), arbitrary
		case 8:
			c = c.With("Accept-Language", pick(f, "en", "zh-CN", "en;q=9", f.headerText(40))).With("User-Agent", f.headerText(400))
		case 9:
			c = c.With("X-Forwarded-For", f.headerText(30)).With("Origin", f.headerText(20)).With("Cookie", f.headerText(60)).With("Forwarded", f.headerText(20))
			c.Chunked = true
		case 10:
			c = c.With("X-Client", pick(f, "studio/2.3.1", world.OutdatedApp, f.headerText(30)))
		}
	}

	return c, k
}

// unseen returns the documented statuses that the operation has not returned yet, without those of a broken gateway and
// of a gateway that delays callers.
func (f *fuzzer) unseen(o world.Operation) []string {
	var missing []string

	for status := range o.Responses.Map() {
		var number int
		if _, err := fmt.Sscan(status, &number); err != nil {
			panic(err)
		}

		rare := []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
		if !slices.Contains(rare, number) && f.seen[o.OperationID][number] == 0 {
			missing = append(missing, status)
		}
	}

	slices.Sort(missing)

	return missing
}
