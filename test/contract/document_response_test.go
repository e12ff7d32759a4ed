package contract_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

func checkResponses(t *testing.T, o world.Operation) {
	t.Helper()

	// Every operation can meet a client that does not accept JSON, a server that has not started, and a fault of the server,
	// unless its response follows from the settings or the link alone.
	statuses := []string{"400", "406", "500", "503"}
	if slices.Contains([]string{"getOptions", "showEmailConfirmation", "authorizeLarkForApp"}, o.OperationID) {
		statuses = []string{"400", "406", "503"}
	}

	if o.RequestBody != nil {
		statuses = append(statuses, "413", "415")
	}

	if o.RequiresScheme("bearer") || o.RequiresScheme("sessionCookie") {
		statuses = append(statuses, "401")
	}

	for _, status := range statuses {
		if o.Responses.Value(status) == nil {
			t.Errorf("no response %s, which a call like this can get: add it as other operations have it", status)
		}
	}

	if o.Responses.Default() != nil {
		t.Error("a default response would promise every status")
	}

	for status, response := range o.Responses.Map() {
		if response.Value.Description == nil || !strings.Contains(*response.Value.Description, " · ") {
			t.Errorf("%s: write its description as 中文 · English", status)
		}

		if status == "204" {
			if len(response.Value.Content) > 0 {
				t.Error("204 has a body")
			}

			continue
		}

		if strings.HasPrefix(status, "3") {
			checkRedirect(t, status, response.Value)

			continue
		}

		media := response.Value.Content["application/json"]

		switch {
		case status < "400" && isPage(response.Value.Content):
		case media == nil || len(response.Value.Content) != 1:
			t.Errorf("%s is not just application/json", status)
		case status < "400" && media.Example == nil:
			t.Errorf("%s has no example: give its media type an `example`", status)
		case status < "400":
			checkExample(t, media.Schema, media.Example)
		default:
			checkErrorExamples(t, status, media)
		}
	}
}

// checkRedirect checks that a redirect has no body, a Location, and in x-redirect-errors only known codes.
func checkRedirect(t *testing.T, status string, response *openapi3.Response) {
	t.Helper()

	if len(response.Content) > 0 || response.Headers["Location"] == nil {
		t.Errorf("%s: a redirect must have no body and a Location header", status)
	}

	listed, _ := response.Extensions["x-redirect-errors"].([]any)
	for _, code := range listed {
		if text, _ := code.(string); !slices.Contains(problem.ErrorCodes(), text) {
			t.Errorf("%s: x-redirect-errors has %v, which is not one of our codes", status, code)
		}
	}
}

// isPage reports whether the content is a picture or a page.
func isPage(content openapi3.Content) bool {
	for name := range content {
		if !strings.HasPrefix(name, "image/") && !strings.HasPrefix(name, "text/html") {
			return false
		}
	}

	return len(content) > 0
}

// checkErrorExamples checks that each code of a status has an example, named after the code.
func checkErrorExamples(t *testing.T, status string, media *openapi3.MediaType) {
	t.Helper()

	if media.Schema.Ref != "#/components/schemas/ErrorBody" || len(media.Examples) == 0 {
		t.Errorf("%s: the schema must be ErrorBody, with one of `examples` for each code", status)
	}

	for name, example := range media.Examples {
		checkExample(t, media.Schema, example.Value.Value)

		if value, _ := example.Value.Value.(map[string]any); value["code"] != name || !slices.Contains(problem.ErrorCodes(), name) {
			t.Errorf("%s: the example %s has the code %v, which must be the same, and a known code", status, name, value["code"])
		}
	}
}
