package main

import (
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// An edit is one change of the document that must not pass, or that must.
type edit struct {
	name string
	make func(d *openapi3.T)
}

func operation(d *openapi3.T, id string) *openapi3.Operation {
	for _, item := range d.Paths.Map() {
		for _, o := range item.Operations() {
			if o.OperationID == id {
				return o
			}
		}
	}

	panic("no operation " + id)
}

func schema(d *openapi3.T, name string) *openapi3.Schema { return d.Components.Schemas[name].Value }

func property(d *openapi3.T, of, name string) *openapi3.Schema {
	return schema(d, of).Properties[name].Value
}

func without[T comparable](list []T, value T) []T {
	return slices.DeleteFunc(list, func(one T) bool { return one == value })
}

func media(d *openapi3.T, id, status, from, to string) {
	content := operation(d, id).Responses.Value(status).Value.Content
	content[to] = content[from]
	delete(content, from)
}

// caught are the edits of CON-D2 that were always caught, in the order of that finding.
var caught = []edit{
	{"response property removed", func(d *openapi3.T) {
		s := schema(d, "User")
		delete(s.Properties, "username")
		s.Required = without(s.Required, "username")
	}},
	{"request enum narrowed", func(d *openapi3.T) { s := schema(d, "OptionsType"); s.Enum = s.Enum[1:] }},
	{"new required request member", func(d *openapi3.T) {
		s := schema(d, "SendCodeRequest")
		s.Properties["company"] = openapi3.NewSchemaRef("", openapi3.NewStringSchema().WithMaxLength(9))
		s.Required = append(s.Required, "company")
	}},
	{"success status changed", func(d *openapi3.T) {
		r := operation(d, "unlockAccount").Responses
		r.Set("202", r.Value("204"))
		r.Delete("204")
	}},
	{"response member made optional", func(d *openapi3.T) { s := schema(d, "Device"); s.Required = without(s.Required, "name") }},
	{"request maxLength narrowed", func(d *openapi3.T) { property(d, "ChangeUserRequest", "avatar").WithMaxLength(5) }},
	{"default of limit changed", func(d *openapi3.T) { d.Components.Parameters["Limit"].Value.Schema.Value.Default = 20 }},
	{"ETag removed", func(d *openapi3.T) { delete(operation(d, "getAccount").Responses.Value("200").Value.Headers, "ETag") }},
	{"response type changed", func(d *openapi3.T) { property(d, "Tokens", "expires_in").Type = &openapi3.Types{"string"} }},
	{"response nullable added", func(d *openapi3.T) { property(d, "Device", "name").Nullable = true }},
	{"response maxLength grown", func(d *openapi3.T) { property(d, "Device", "name").WithMaxLength(9_999) }},
	{"response maximum grown", func(d *openapi3.T) { property(d, "Tokens", "expires_in").WithMax(1e9) }},
	{"new required If-Match", func(d *openapi3.T) {
		o := operation(d, "unlockAccount")
		o.Parameters = append(o.Parameters, &openapi3.ParameterRef{
			Value: openapi3.NewHeaderParameter("If-Match").WithRequired(true).WithSchema(openapi3.NewStringSchema()),
		})
	}},
	{"path removed", func(d *openapi3.T) { d.Paths.Delete("/options") }},
	{"request media changed", func(d *openapi3.T) {
		content := operation(d, "refresh").RequestBody.Value.Content
		content["application/x-www-form-urlencoded"] = content["application/json"]
		delete(content, "application/json")
	}},
}

// passed are the edits of CON-D2 that passed before: the first seven break clients, the next four weaken the server's
// security, and the rest change what clients may rely on.
var passed = []edit{
	{"query parameter removed", func(d *openapi3.T) {
		o := operation(d, "listAuditEvents")
		o.Parameters = slices.DeleteFunc(o.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.Name == "action" })
	}},
	{"request member removed", func(d *openapi3.T) { delete(schema(d, "CreateAccountRequest").Properties, "language") }},
	{"refresh demands a bearer token", func(d *openapi3.T) {
		operation(d, "refresh").Security = &openapi3.SecurityRequirements{{"bearer": {}}}
	}},
	{"refresh_code demands XSRF", func(d *openapi3.T) {
		operation(d, "createRefreshCode").Security = &openapi3.SecurityRequirements{{"sessionCookie": {}, "xsrf": {}}}
	}},
	{"cookie renamed", func(d *openapi3.T) { d.Components.SecuritySchemes["sessionCookie"].Value.Name = "SESSION" }},
	{"operationId renamed", func(d *openapi3.T) { operation(d, "getMe").OperationID = "me" }},
	{"pattern of Timestamp removed", func(d *openapi3.T) { schema(d, "Timestamp").Pattern = "" }},

	{"security removed from getMe", func(d *openapi3.T) { operation(d, "getMe").Security = &openapi3.SecurityRequirements{} }},
	{"required right weakened", func(d *openapi3.T) { operation(d, "deleteAccount").Extensions["x-required-right"] = "accounts.read" }},
	{"x-costly removed", func(d *openapi3.T) { delete(operation(d, "login").Extensions, "x-costly") }},
	{"Retry-After removed", func(d *openapi3.T) { delete(operation(d, "getMe").Responses.Value("503").Value.Headers, "Retry-After") }},

	{"error status removed", func(d *openapi3.T) { operation(d, "getMe").Responses.Delete("401") }},
	{"error code unlisted", func(d *openapi3.T) {
		delete(operation(d, "login").Responses.Value("401").Value.Content["application/json"].Examples, "TOTP_REQUIRED")
	}},
	{"ErrorCode value removed", func(d *openapi3.T) { s := schema(d, "ErrorCode"); s.Enum = without(s.Enum, any("LAST_WAY_IN")) }},
	{"response enum grown", func(d *openapi3.T) { s := property(d, "Session", "surface"); s.Enum = append(s.Enum, "kiosk") }},
	{"charset of a page removed", func(d *openapi3.T) { media(d, "showReset", "200", "text/html; charset=utf-8", "text/html") }},
}

// more are edits of the same kinds, beyond those of the finding.
var more = []edit{
	{"request header removed", func(d *openapi3.T) { operation(d, "login").Parameters = nil }},
	{"optional response member removed", func(d *openapi3.T) { delete(schema(d, "AccessReason").Properties, "factor") }},
	{"one of two rights removed", func(d *openapi3.T) { operation(d, "exportAccount").Extensions["x-required-right"] = "accounts.delete" }},
	{"header of XSRF renamed", func(d *openapi3.T) { d.Components.SecuritySchemes["xsrf"].Value.Name = "X-CSRF" }},
	{"bearer no longer accepted", func(d *openapi3.T) {
		operation(d, "listAccounts").Security = &openapi3.SecurityRequirements{{"sessionCookie": {}}}
	}},
	{"XSRF no longer demanded", func(d *openapi3.T) { operation(d, "signIn").Security = &openapi3.SecurityRequirements{} }},
	{"request pattern changed", func(d *openapi3.T) { schema(d, "SixDigits").Pattern = "^[0-5]{6}$" }},
	{"new request maximum", func(d *openapi3.T) { property(d, "SignInRequest", "password").Pattern = "^[a-z]+$" }},
	{"response header made optional", func(d *openapi3.T) {
		header := *d.Components.Headers["ETag"].Value
		header.Required = false
		operation(d, "getAccount").Responses.Value("200").Value.Headers["ETag"] = &openapi3.HeaderRef{Value: &header}
	}},
	{"code of a redirect unlisted", func(d *openapi3.T) {
		e := operation(d, "returnFromLark").Responses.Value("302").Value.Extensions
		e["x-redirect-errors"] = e["x-redirect-errors"].([]any)[1:]
	}},
	{"side effects denied", func(d *openapi3.T) { delete(operation(d, "sendSignInCode").Extensions, "x-side-effects") }},
	{"other sites allowed", func(d *openapi3.T) { operation(d, "createTOTP").Extensions["x-cross-site"] = "why not" }},
	{"other parameters refused", func(d *openapi3.T) { delete(operation(d, "load").Extensions, "x-extra-query") }},
	{"tag changed", func(d *openapi3.T) { operation(d, "getMe").Tags = operation(d, "listAccounts").Tags }},
	{"picture no longer answered as PNG", func(d *openapi3.T) {
		delete(operation(d, "getTOTPPicture").Responses.Value("200").Value.Content, "image/png")
	}},
}

// harmless are edits that break no client, and must pass.
var harmless = []edit{
	{"nothing", func(*openapi3.T) {}},
	{"description changed", func(d *openapi3.T) { operation(d, "getMe").Description = "Other words." }},
	{"reason reworded", func(d *openapi3.T) { operation(d, "load").Extensions["x-extra-query"] = "Other words." }},
	{"new error code", func(d *openapi3.T) { s := schema(d, "ErrorCode"); s.Enum = append(s.Enum, "OF_A_LATER_VERSION") }},
	{"new optional parameter", func(d *openapi3.T) {
		o := operation(d, "listAuditEvents")
		o.Parameters = append(o.Parameters, &openapi3.ParameterRef{Value: openapi3.NewQueryParameter("session").WithSchema(openapi3.NewStringSchema())})
	}},
	{"new optional request member", func(d *openapi3.T) {
		schema(d, "RegisterRequest").Properties["company"] = openapi3.NewSchemaRef("", openapi3.NewStringSchema())
	}},
	{"new response member", func(d *openapi3.T) {
		schema(d, "Session").Properties["label"] = openapi3.NewSchemaRef("", openapi3.NewStringSchema())
	}},
	{"new operation", func(d *openapi3.T) {
		item := *d.Paths.Value("/options")
		get := *item.Get
		get.OperationID = "getMore"
		item.Get = &get
		d.Paths.Set("/more", &item)
	}},
	{"new code of a response", func(d *openapi3.T) {
		examples := operation(d, "getMe").Responses.Value("401").Value.Content["application/json"].Examples
		maps.Copy(examples, openapi3.Examples{"INTERNAL": d.Components.Examples["INTERNAL"]})
	}},
}
