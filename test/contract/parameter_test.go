package contract_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// T-01, R-J5, R-J6, F-04, F-06: any fault of one parameter of the query string or the path gets a 400 that names this
// parameter and repeats nothing of the value.
func TestBadParameterIsRefused(t *testing.T) {
	t.Parallel()

	g, tried := world.NewGateway(t), 0

	for _, o := range world.Operations() {
		for _, parameter := range o.Parameters {
			t.Run(o.OperationID+"/"+parameter.Value.Name, func(t *testing.T) {
				for name, value := range badParameters(parameter.Value) {
					c := withParameter(g, o, parameter.Value, value)
					tried++

					got := c.To(t, g.Server)
					if got.Status != http.StatusBadRequest || got.Problem.Code != "INVALID_REQUEST" {
						t.Errorf("%s: %s", name, got)
					}

					// A query string that cannot be parsed has no parameters.
					blamed := strings.Join(got.Fields(), " ")
					if blamed != fieldOf(parameter.Value) && blamed != "?" && !strings.HasPrefix(blamed, fieldOf(parameter.Value)+"/") {
						t.Errorf("%s: blames %q", name, blamed)
					}

					if strings.Contains(string(got.Body), canary) {
						t.Errorf("%s: the response repeats the value: %s", name, got)
					}
				}
			})
		}
	}

	if tried < 50 {
		t.Errorf("%d tried", tried)
	}

	// The log has the route, and never the path or the query string (R-K4).
	if strings.Contains(g.Log.String(), canary) {
		t.Error("a refused value is in the log")
	}
}

// fieldOf returns the name of the parameter in an error.
func fieldOf(parameter *openapi3.Parameter) string {
	if parameter.In == openapi3.ParameterInQuery {
		return "?" + parameter.Name
	}

	return parameter.Name
}

// badParameters returns invalid texts for a parameter's value, as the URL contains them.
func badParameters(parameter *openapi3.Parameter) map[string]string {
	bad := map[string]string{
		"NUL": canary + "%00", "half a character": canary + "%C3", "an overlong NUL": canary + "%C0%80",
		"a surrogate": canary + "%ED%A0%80", "a byte": canary + "%FF", "too long": canary + strings.Repeat("x", 3_000),
	}

	switch parameter.In {
	case openapi3.ParameterInPath:
		bad["another value"] = canary
		if parameter.Name == "group" {
			delete(bad, "another value") // which no account has
		}

		return bad
	case openapi3.ParameterInHeader: // no client sends bytes that HTTP does not allow
		if parameter.Schema.Value.Pattern == "" { // any short text, and what the server did not issue is ignored
			return map[string]string{"too long": canary + strings.Repeat("x", 3_000)}
		}

		return map[string]string{"another value": canary + "!", "too long": canary + strings.Repeat("x", 3_000), "without quotation marks": "3"}
	}

	bad["broken escape"], bad["semicolon"] = canary+"%zz", canary+";"
	bad["twice"] = "x&" + url.QueryEscape(parameter.Name) + "=" + canary

	// A parameter without a pattern accepts any text, one with the pattern of ASCII any of that, and the other parameters are not read.
	if parameter.Schema == nil || parameter.Schema.Value.Pattern != "" && !strings.HasPrefix(parameter.Schema.Value.Pattern, "^[ -~]") || parameter.Schema.Value.Format != "" || len(parameter.Schema.Value.Enum) > 0 {
		bad["another value"] = canary
		bad["JSON"] = url.QueryEscape(`{"action":"` + canary + `"}`)
		bad["upper case and spaces"] = "%20" + strings.ToUpper(canary) + "%20"
	}

	if parameter.Required {
		bad["empty"] = ""
	}

	return bad
}

// withParameter returns a valid call except for the text of one parameter.
func withParameter(g *world.Gateway, o world.Operation, parameter *openapi3.Parameter, text string) world.Call {
	c := g.Call(o)

	if parameter.In == openapi3.ParameterInPath {
		c.Path = strings.Replace(o.Path, "{"+parameter.Name+"}", text, 1)
		if o.IsAdmin() {
			c = g.AdminCall(o, c) // the other parameters are valid
		}

		c.Path = strings.Replace(c.Path, "{id}", strings.Repeat("A", 22), 1)

		return c
	}

	if parameter.In == openapi3.ParameterInHeader {
		return c.With(parameter.Name, text)
	}

	values, err := url.ParseQuery(c.Query)
	if err != nil {
		panic(err)
	}

	values.Del(parameter.Name)

	c.Query = parameter.Name + "=" + text
	if others := values.Encode(); others != "" {
		c.Query += "&" + others
	}

	return c
}
