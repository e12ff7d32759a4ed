package contract_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// protecting are the operations by which users protect their accounts, which no number of changes keeps from them.
var protecting = []string{
	"logout", "endSession", "endOtherSessions", "endDevice", "endUserSession", "endOtherUserSessions", "endUserDevice",
}

// busyScenarios are those of users who have made too many changes: one for each operation that changes something for a
// signed-in caller and has no other such scenario. Each is the operation's successful call.
func busyScenarios() []scenario {
	var busyOnes []scenario

	for _, o := range world.Operations() {
		limited := slices.ContainsFunc(scenarios, func(s scenario) bool { return s.operation == o.OperationID && s.code == "TOO_MANY_REQUESTS" })
		signedIn := o.RequiresScheme("sessionCookie") || o.RequiresScheme("bearer")
		changes := o.Method != http.MethodGet || o.Extensions["x-side-effects"] == true

		if limited || !signedIn || !changes || slices.Contains(protecting, o.OperationID) {
			continue
		}

		i := slices.IndexFunc(scenarios, func(s scenario) bool {
			return s.operation == o.OperationID && s.code == "" && s.state == healthy && s.status < "300"
		})

		status := "429"
		if o.IsPublic() {
			status = "400"
		}

		busyOnes = append(busyOnes, scenario{o.OperationID, status, "TOO_MANY_REQUESTS", busy, whenBusy(scenarios[i].call)})
	}

	return busyOnes
}

// whenBusy prepares a call while its user may still change something, and then uses all changes of the minute up.
func whenBusy(call func(testing.TB, *world.Gateway, world.Operation) world.Call) func(testing.TB, *world.Gateway, world.Operation) world.Call {
	return func(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
		g.Exec(tb, "DELETE FROM throttle WHERE key LIKE 'changes %'")

		c := call(tb, g, o)

		g.Exec(tb, "DELETE FROM throttle WHERE key LIKE 'changes %'")
		g.Exec(tb, "INSERT INTO throttle (key, count, ends_at) SELECT 'changes ' || id, 60, now() + interval '1 minute' FROM (SELECT id FROM account UNION ALL SELECT id FROM session) s")

		return c
	}
}
