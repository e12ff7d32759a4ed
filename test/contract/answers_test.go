package contract_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// place is a gateway in a certain state.
type place string

const (
	open      place = "a gateway that is well"
	strict    place = "a gateway that allows one wrong code a day"
	impatient place = "a gateway that allows one wrong password"
	broken    place = "a gateway whose tables are gone"
	offline   place = "a gateway whose database is away"
	larkless  place = "a gateway without settings for Lark"
	vacant    place = "a gateway without an administrator"
)

// scenario provokes one answer of one operation.
type scenario struct {
	operation string
	status    string
	code      string // empty for a success
	at        place
	ask       func(testing.TB, *world.Gateway, world.Operation) world.Call
}

// scenarios are all answers that the document promises: no more, no less.
var scenarios = slices.Concat(toolkitAnswers, publicAnswers, adminAnswers)

// toolkitAnswers are those of the four apps' surface.
var toolkitAnswers = []scenario{
	{"login", "200", "", open, good},
	{"login", "400", "INVALID_REQUEST", open, unknownMember},
	{"login", "401", "INVALID_CREDENTIALS", open, wrongPassword},
	{"login", "401", "TOTP_REQUIRED", open, guarded},
	{"login", "406", "NOT_ACCEPTABLE", open, acceptsHTML},
	{"login", "413", "BODY_TOO_LARGE", open, tooMuch},
	{"login", "415", "UNSUPPORTED_MEDIA_TYPE", open, plainText},
	{"login", "429", "TOO_MANY_REQUESTS", impatient, wrongPasswordTwice},
	{"login", "500", "INTERNAL", broken, good},
	{"login", "503", "UNAVAILABLE", offline, good},

	{"refresh", "200", "", open, good},
	{"refresh", "400", "INVALID_REQUEST", open, unknownMember},
	{"refresh", "401", "REFRESH_TOKEN_INVALID", open, forgedRefreshToken},
	{"refresh", "406", "NOT_ACCEPTABLE", open, acceptsHTML},
	{"refresh", "413", "BODY_TOO_LARGE", open, tooMuch},
	{"refresh", "415", "UNSUPPORTED_MEDIA_TYPE", open, plainText},
	{"refresh", "500", "INTERNAL", broken, good},
	{"refresh", "503", "UNAVAILABLE", offline, good},

	{"logout", "204", "", open, ownSession},
	{"logout", "400", "INVALID_REQUEST", open, malformedToken},
	{"logout", "401", "UNAUTHENTICATED", open, withoutToken},
	{"logout", "401", "TOKEN_INVALID", open, forgedToken},
	{"logout", "406", "NOT_ACCEPTABLE", open, acceptsHTML},
	{"logout", "500", "INTERNAL", broken, good},
	{"logout", "503", "UNAVAILABLE", offline, good},

	{"getMe", "200", "", open, good},
	{"getMe", "400", "INVALID_REQUEST", open, malformedToken},
	{"getMe", "401", "UNAUTHENTICATED", open, withoutToken},
	{"getMe", "401", "TOKEN_INVALID", open, forgedToken},
	{"getMe", "406", "NOT_ACCEPTABLE", open, acceptsHTML},
	{"getMe", "500", "INTERNAL", broken, good},
	{"getMe", "503", "UNAVAILABLE", offline, good},

	{"sendRegistrationCode", "200", "", open, good},
	{"sendRegistrationCode", "400", "INVALID_REQUEST", open, unknownMember},
	{"sendRegistrationCode", "400", "EMAIL_NOT_ALLOWED", open, elsewhere},
	{"sendRegistrationCode", "406", "NOT_ACCEPTABLE", open, acceptsHTML},
	{"sendRegistrationCode", "413", "BODY_TOO_LARGE", open, tooMuch},
	{"sendRegistrationCode", "415", "UNSUPPORTED_MEDIA_TYPE", open, plainText},
	{"sendRegistrationCode", "429", "TOO_MANY_REQUESTS", open, twice},
	{"sendRegistrationCode", "500", "INTERNAL", broken, good},
	{"sendRegistrationCode", "503", "UNAVAILABLE", offline, good},

	{"register", "201", "", open, rightCode},
	{"register", "400", "INVALID_REQUEST", open, unknownMember},
	{"register", "400", "CODE_INVALID", open, good},
	{"register", "400", "PASSWORD_REFUSED", open, commonPassword},
	{"register", "406", "NOT_ACCEPTABLE", open, acceptsHTML},
	{"register", "413", "BODY_TOO_LARGE", open, tooMuch},
	{"register", "415", "UNSUPPORTED_MEDIA_TYPE", open, plainText},
	{"register", "429", "TOO_MANY_REQUESTS", strict, wrongCodeTwice},
	{"register", "500", "INTERNAL", broken, good},
	{"register", "503", "UNAVAILABLE", offline, good},

	{"listSessions", "200", "", open, good},
	{"listSessions", "400", "INVALID_REQUEST", open, malformedToken},
	{"listSessions", "401", "UNAUTHENTICATED", open, withoutToken},
	{"listSessions", "401", "TOKEN_INVALID", open, forgedToken},
	{"listSessions", "406", "NOT_ACCEPTABLE", open, acceptsHTML},
	{"listSessions", "500", "INTERNAL", broken, good},
	{"listSessions", "503", "UNAVAILABLE", offline, good},
	{"endOtherSessions", "204", "", open, ownSession},
	{"endOtherSessions", "400", "INVALID_REQUEST", open, malformedToken},
	{"endOtherSessions", "401", "UNAUTHENTICATED", open, withoutToken},
	{"endOtherSessions", "401", "TOKEN_INVALID", open, forgedToken},
	{"endOtherSessions", "406", "NOT_ACCEPTABLE", open, acceptsHTML},
	{"endOtherSessions", "500", "INTERNAL", broken, good},
	{"endOtherSessions", "503", "UNAVAILABLE", offline, good},
	{"endSession", "204", "", open, anotherSession},
	{"endSession", "400", "INVALID_REQUEST", open, malformedToken},
	{"endSession", "401", "UNAUTHENTICATED", open, withoutToken},
	{"endSession", "401", "TOKEN_INVALID", open, forgedToken},
	{"endSession", "404", "SESSION_NOT_FOUND", open, good},
	{"endSession", "406", "NOT_ACCEPTABLE", open, acceptsHTML},
	{"endSession", "500", "INTERNAL", broken, good},
	{"endSession", "503", "UNAVAILABLE", offline, good},
}

// T-02, R-K1, R-J4, F-02, F-09: every (operation, status, code) of the document can be had, and no
// other is in the list. That no other is ever answered is what apptest.Conforming watches in every test.
func TestEveryAnswerIsProvoked(t *testing.T) {
	t.Parallel()

	byID := map[string]world.Operation{}
	for _, o := range world.Operations() {
		byID[o.OperationID] = o
	}

	desks := places(t)

	var waiting sync.WaitGroup
	defer waiting.Wait()

	for _, s := range scenarios {
		at, o := desks[s.at], byID[s.operation]
		c := s.ask(t, at, o)
		check := func() {
			if got := c.To(t, at.Server); fmt.Sprint(got.Status) != s.status || got.Problem.Code != s.code {
				t.Errorf("%s in %s answered %s, want %s %s", s.operation, s.at, got, s.status, s.code)
			}
		}

		if s.at == offline {
			waiting.Go(check) // a refresh waits for 20 s
		} else {
			check()
		}
	}

	provoked := map[string]bool{}
	for _, s := range scenarios {
		provoked[s.operation+" "+s.status+" "+s.code] = true
	}

	promised := promises()
	for _, one := range slices.Sorted(maps.Keys(promised)) {
		if !provoked[one] {
			t.Errorf("the document promises %q, which no scenario provokes", one)
		}
	}

	for _, one := range slices.Sorted(maps.Keys(provoked)) {
		if !promised[one] {
			t.Errorf("the document does not promise %q", one)
		}
	}
}

// promises are the document's triples of operation, status and code.
func promises() map[string]bool {
	found := map[string]bool{}

	for _, o := range world.Operations() {
		for status, response := range o.Responses.Map() {
			codes := map[string]bool{}

			if media := response.Value.Content["application/json"]; media != nil && status >= "400" {
				for code := range media.Examples {
					codes[code] = true
				}
			} else {
				codes[""] = true
			}

			for code := range codes {
				found[o.OperationID+" "+status+" "+code] = true
			}
		}
	}

	return found
}

// places runs the gateways.
func places(t *testing.T) map[place]*world.Gateway {
	t.Helper()

	cluster, url := postgrestest.NewCluster(t, false)
	desks := map[place]*world.Gateway{
		open:      world.NewGateway(t, func(c *apptest.Settings) { c.EmailDomains = []string{"konec.com.au"} }),
		strict:    world.NewGateway(t, func(c *apptest.Settings) { c.CodeGuessBudget = 1 }),
		impatient: world.NewGateway(t, func(c *apptest.Settings) { c.FailuresFree = 1 }),
		broken:    world.NewGateway(t),
		offline:   world.GatewayOn(t, apptest.On(t, url, world.WithLark(world.UnreachableLark))),
		larkless:  world.NewGateway(t, func(c *apptest.Settings) { c.LarkAppID, c.LarkAppSecret = "", "" }),
		vacant:    world.NewGateway(t),
	}

	desks[vacant].RemoveAdministrators(t)

	// Nobody can be signed in after this, so every gateway has its owner signed in before.
	if _, err := desks[broken].Pool.Exec(t.Context(), "DROP TABLE session_cookie, session, code, throttle, failure, account, audit_event CASCADE"); err != nil {
		t.Fatal(err)
	}

	if err := cluster.Kill(); err != nil {
		t.Fatal(err)
	}

	return desks
}

func good(_ testing.TB, d *world.Gateway, o world.Operation) world.Call { return d.Call(o) }

func unknownMember(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return changed(d, o, map[string]any{"role": "admin"})
}

// changed is a good call but for some values.
func changed(d *world.Gateway, o world.Operation, changes map[string]any) world.Call {
	values := d.Values(o)
	maps.Copy(values, changes)

	c := d.Call(o)
	c.Body = o.Encode(values)

	return c
}

func wrongPassword(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return changed(d, o, map[string]any{"password": apptest.Password + "!"})
}

func wrongPasswordTwice(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	// Each door its own person: they would count together.
	c := changed(d, o, map[string]any{"email": o.OperationID + "@konec.com.au", "password": "wrong"})
	c.To(tb, d.Server)

	return c
}

func unknownParameter(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	c.Query = "unknown=1"

	return c
}

func withoutXSRF(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).Without("X-XSRF-TOKEN")
}

func withoutCookie(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).Without("Cookie")
}

func forgedCookie(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).With("Cookie", "__Host-TOKEN="+strings.Repeat("A", 43))
}

func crossSite(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).With("Sec-Fetch-Site", "cross-site")
}

// anotherSession is one that the owner opens for this one call to end.
func anotherSession(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	tokens := d.SignIn(tb, world.Owner)

	list, err := d.Client.ListSessionsWithResponse(tb.Context(), apptest.Bearer(tokens.AccessToken))
	if err != nil || list.JSON200 == nil {
		tb.Fatalf("list sessions: %v %s", err, list.Body)
	}

	c := d.Call(o)

	for _, one := range list.JSON200.Sessions {
		if one.Current {
			c.Path = strings.ReplaceAll(o.Path, "{id}", one.ID)
		}
	}

	return c
}

func acceptsHTML(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).With("Accept", "text/html")
}

func acceptsPictures(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).With("Accept", "image/*")
}

func tooMuch(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	c.Body = strings.Repeat(" ", httpapi.MaxBody) + c.Body

	return c
}

func plainText(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).With("Content-Type", "text/plain")
}

func forgedRefreshToken(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return changed(d, o, map[string]any{"refresh_token": strings.Repeat("A", len(d.OwnerTokens.RefreshToken))})
}

// ownSession signs in for this one call.
func ownSession(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	address, _ := d.Person(tb)

	return d.Call(o).With("Authorization", "Bearer "+d.SignIn(tb, address).AccessToken)
}

func malformedToken(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).With("Authorization", "Bearer two words")
}

func withoutToken(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).Without("Authorization")
}

func forgedToken(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).With("Authorization", "Bearer e30.e30.e30")
}

func elsewhere(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return changed(d, o, map[string]any{"email": "somebody@example.com"})
}

func twice(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	c.To(tb, d.Server)

	return c
}

func rightCode(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	address := fmt.Sprintf("right.code.%d@konec.com.au", d.Fresh.Add(1))

	return changed(d, o, map[string]any{"email": address, "verificationCode": d.RegistrationCode(tb, address)})
}

func commonPassword(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return changed(d, o, map[string]any{"password": "password123"})
}

func wrongCodeTwice(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	const address = "wrong.code@konec.com.au"

	wrong := "000000"
	if d.RegistrationCode(tb, address) == wrong {
		wrong = "111111"
	}

	c := changed(d, o, map[string]any{"email": address, "verificationCode": wrong})
	c.To(tb, d.Server)

	return c
}
