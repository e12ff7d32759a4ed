package admin_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// CON-D8: an operation that requires several rights names all of them, and a caller who lacks one is refused before
// anything of the request is judged.
func TestEachOfSeveralRightsIsRequired(t *testing.T) {
	t.Parallel()

	g, tried := newAdminGateway(t), 0
	members := map[string]client.RequestEditorFn{}

	for _, o := range world.Operations() {
		list, _ := o.Extensions["x-required-right"].([]any)

		for _, value := range list {
			right := value.(string)

			if members[right] == nil {
				name := "Only " + strings.ReplaceAll(right, ".", "-")

				made, err := g.Client.CreateGroupWithResponse(t.Context(), nil, client.CreateGroupRequest{Name: name, Rights: &[]client.Right{client.Right(right)}}, g.admin)
				if err != nil || made.JSON201 == nil {
					t.Fatalf("create group: %v %s", err, made.Body)
				}

				members[right] = g.member(t, strings.ReplaceAll(right, ".", "-")+"@konec.com.au", name)
			}

			path := strings.NewReplacer("{accountId}", strings.Repeat("a", 24), "{webhookId}", strings.Repeat("A", 22), "{eventId}", "1").Replace(o.Path)

			request, err := http.NewRequestWithContext(t.Context(), o.Method, g.URL+path, strings.NewReader("not JSON"))
			if err != nil {
				t.Fatal(err)
			}

			if err := members[right](t.Context(), request); err != nil {
				t.Fatal(err)
			}

			response, err := g.Server.HTTP.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}

			var body client.ErrorBody

			err = json.NewDecoder(response.Body).Decode(&body)
			response.Body.Close()

			if err != nil || response.StatusCode != http.StatusForbidden || body.Code != client.ErrorCodeRIGHTMISSING {
				t.Errorf("%s with %s alone: %d %+v %v", o.OperationID, right, response.StatusCode, body, err)
			}

			tried++
		}
	}

	if tried != 12 {
		t.Errorf("%d tried, want 2 rights of 6 operations", tried)
	}
}
