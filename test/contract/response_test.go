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

// gatewayState is the state of a gateway.
type gatewayState string

const (
	healthy              gatewayState = "a gateway that is well"
	oneNetworkFailure    gatewayState = "a gateway that allows one failure of a network"
	busy                 gatewayState = "a gateway whose users have made their changes of this minute"
	onePasswordGuess     gatewayState = "a gateway that allows one wrong password"
	withoutTables        gatewayState = "a gateway whose tables are gone"
	withoutDatabase      gatewayState = "a gateway whose database is away"
	notStarted           gatewayState = "a gateway that has not started yet"
	withoutLark          gatewayState = "a gateway without settings for Lark"
	withoutAdministrator gatewayState = "a gateway without an administrator"
)

// scenario provokes one response of one operation.
type scenario struct {
	operation string
	status    string
	code      string // empty for a success
	state     gatewayState
	call      func(testing.TB, *world.Gateway, world.Operation) world.Call
}

// scenarios are exactly the responses that the document promises.
var scenarios = slices.Concat(toolkitScenarios, appAccountScenarios, leavingScenarios, publicScenarios, pageScenarios, adminScenarios)

// T-02, R-K1, R-J4, F-02, F-09: every (operation, status, code) of the document can be provoked, and the list has no
// other. apptest.Conforming checks in every test that no other is returned.
func TestEveryResponseIsProvoked(t *testing.T) {
	t.Parallel()

	byID := map[string]world.Operation{}
	for _, o := range world.Operations() {
		byID[o.OperationID] = o
	}

	gateways := gatewaysByState(t)

	var waiting sync.WaitGroup
	defer waiting.Wait()

	scenarios := slices.Concat(scenarios, busyScenarios())

	for _, s := range scenarios {
		at, o := gateways[s.state], byID[s.operation]
		c := s.call(t, at, o)
		check := func() {
			if got := c.To(t, at.Server); fmt.Sprint(got.Status) != s.status || got.Problem.Code != s.code {
				t.Errorf("%s in %s returned %s, want %s %s", s.operation, s.state, got, s.status, s.code)
			}
		}

		if s.state == withoutDatabase {
			waiting.Go(check) // a refresh waits for 20 s
		} else {
			check()
		}
	}

	provoked := map[string]bool{}
	for _, s := range scenarios {
		provoked[s.operation+" "+s.status+" "+s.code] = true
	}

	documented := documentedResponses()
	for _, one := range slices.Sorted(maps.Keys(documented)) {
		if !provoked[one] {
			t.Errorf("the document promises %q, which no scenario provokes", one)
		}
	}

	for _, one := range slices.Sorted(maps.Keys(provoked)) {
		if !documented[one] {
			t.Errorf("the document does not promise %q", one)
		}
	}
}

// documentedResponses returns the document's triples of operation, status and code.
func documentedResponses() map[string]bool {
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

// gatewaysByState starts a gateway in each state.
func gatewaysByState(t *testing.T) map[gatewayState]*world.Gateway {
	t.Helper()

	cluster, url := postgrestest.NewCluster(t, false)
	gateways := map[gatewayState]*world.Gateway{
		healthy:              world.NewGateway(t, func(c *apptest.Settings) { c.EmailDomains = []string{"konec.com.au"} }),
		oneNetworkFailure:    world.NewGateway(t, func(c *apptest.Settings) { c.NetworkFailures = 1 }),
		busy:                 world.NewGateway(t, func(c *apptest.Settings) { c.ChangesPerMinute = 60 }),
		onePasswordGuess:     world.NewGateway(t, func(c *apptest.Settings) { c.FailuresFree = 1 }),
		withoutTables:        world.NewGateway(t),
		withoutDatabase:      world.GatewayOn(t, apptest.On(t, url, world.WithLark(world.UnreachableLark))),
		notStarted:           world.NewGateway(t),
		withoutLark:          world.NewGateway(t, func(c *apptest.Settings) { c.LarkAppID, c.LarkAppSecret = "", "" }),
		withoutAdministrator: world.NewGateway(t),
	}

	gateways[withoutAdministrator].RemoveAdministrators(t)
	gateways[notStarted].Server = gateways[notStarted].NotStarted(t)

	// No one can sign in after this, so each gateway has signed its owner in before.
	if _, err := gateways[withoutTables].Pool.Exec(t.Context(), "DROP TABLE session_cookie, session, code, throttle, failure, account, audit_event CASCADE"); err != nil {
		t.Fatal(err)
	}

	if err := cluster.Kill(); err != nil {
		t.Fatal(err)
	}

	return gateways
}

func validCall(_ testing.TB, g *world.Gateway, o world.Operation) world.Call { return g.Call(o) }

func unknownMember(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return withValues(g, o, map[string]any{"role": "admin"})
}

// withValues returns a valid call except for some values.
func withValues(g *world.Gateway, o world.Operation, changes map[string]any) world.Call {
	values := g.Values(o)
	maps.Copy(values, changes)

	c := g.Call(o)
	c.Body = o.Encode(values)

	return c
}

func wrongPassword(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return withValues(g, o, map[string]any{"password": apptest.Password + "!"})
}

func wrongPasswordTwice(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	// Each surface uses an address of its own, because failures on both count together.
	c := withValues(g, o, map[string]any{"email": o.OperationID + "@konec.com.au", "password": "wrong"})
	c.To(tb, g.Server)

	return c
}

func unknownParameter(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Query = "unknown=1"

	return c
}

// brokenQuery is for operations without parameters that ignore those of others.
func brokenQuery(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Query = "%zz=1"

	return c
}

// unknownOutcome is for pages, which ignore parameters that the document does not have.
func unknownOutcome(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Query = "error=UNKNOWN"

	return c
}

func withoutXSRF(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).Without("X-XSRF-TOKEN")
}

func withoutCookie(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).Without("Cookie")
}

func forgedCookie(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).With("Cookie", "__Host-TOKEN="+strings.Repeat("A", 43))
}

func crossSite(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).With("Sec-Fetch-Site", "cross-site")
}

func outdatedApp(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).With("X-Client", world.OutdatedApp)
}

// anotherSession returns a call that ends a session opened for it.
func anotherSession(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	tokens := g.SignIn(tb, world.Owner)

	list, err := g.Client.ListSessionsWithResponse(tb.Context(), apptest.Bearer(tokens.AccessToken))
	if err != nil || list.JSON200 == nil {
		tb.Fatalf("list sessions: %v %s", err, list.Body)
	}

	c := g.Call(o)

	for _, one := range list.JSON200.Sessions {
		if one.Current {
			c.Path = strings.ReplaceAll(o.Path, "{id}", one.ID)
		}
	}

	return c
}

func anotherDevice(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	tokens := g.SignIn(tb, world.Owner)

	list, err := g.Client.ListDevicesWithResponse(tb.Context(), nil, apptest.Bearer(tokens.AccessToken))
	if err != nil || list.JSON200 == nil || len(list.JSON200.Devices) == 0 {
		tb.Fatalf("list devices: %v %s", err, list.Body)
	}

	c := g.Call(o)
	c.Path = strings.ReplaceAll(o.Path, "{id}", list.JSON200.Devices[0].ID)

	return c
}

func acceptsHTML(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).With("Accept", "text/html")
}

func acceptsPictures(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).With("Accept", "image/*")
}

func oversizedBody(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Body = strings.Repeat(" ", httpapi.MaxBody) + c.Body

	return c
}

func plainText(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).With("Content-Type", "text/plain")
}

func forgedRefreshToken(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return withValues(g, o, map[string]any{"refresh_token": strings.Repeat("A", len(g.OwnerTokens.RefreshToken))})
}

// ownSession returns the call from an app that has signed in for it.
func ownSession(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, _ := g.NewUser(tb)

	return g.Call(o).With("Authorization", "Bearer "+g.SignIn(tb, address).AccessToken)
}

func malformedToken(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).With("Authorization", "Bearer two words")
}

func withoutToken(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).Without("Authorization")
}

func forgedToken(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).With("Authorization", "Bearer e30.e30.e30")
}

func disallowedDomain(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return withValues(g, o, map[string]any{"email": "somebody@example.com"})
}

func sentTwice(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.To(tb, g.Server)

	return c
}

func rightCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address := fmt.Sprintf("right.code.%d@konec.com.au", g.Sequence.Add(1))

	return withValues(g, o, map[string]any{"email": address, "verificationCode": g.RegistrationCode(tb, address)})
}

func commonPassword(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return withValues(g, o, map[string]any{"password": "password123"})
}

func wrongCodeTwice(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	const address = "wrong.code@konec.com.au"

	wrong := "000000"
	if g.RegistrationCode(tb, address) == wrong {
		wrong = "111111"
	}

	c := withValues(g, o, map[string]any{"email": address, "verificationCode": wrong})
	c.To(tb, g.Server)

	return c
}
