//go:build battery

package gates_test

// change replaces a text of a file.
type change struct{ file, old, replacement string }

// edit is a row of table A1: what is changed, whether gen/ is generated anew and the change committed, and the gate that must
// fail with the text want.
type edit struct {
	row, name        string
	changes          []change
	generate, commit bool
	gate, want       string
}

const (
	contract = "go test ./test/contract -run "
	fresh    = "make -s generated-is-fresh"
	promises = "make -s promises"

	server   = "gen/api/api.gen.go"
	toolkit  = "api/components/schemas/toolkit.yaml"
	messages = "internal/platform/problem/messages.go"
)

// Edits of gen/api change what the server sends as an edit of the surfaces would, and compile.
var edits = []edit{
	{row: "1", name: "listGroups returns a member of its own", gate: contract + "TestEveryOperationHasAHandler", want: `property "extra" is unsupported`, changes: []change{
		{server, "type GroupList struct {", "type GroupList struct {\n\tExtra string `json:\"extra\"`\n"},
	}},
	{row: "2", name: "unlockAccount returns 202", gate: contract + "TestEveryOperationHasAHandler", want: "status is not supported", changes: []change{
		{server, "(response UnlockAccount204Response) VisitUnlockAccountResponse(w http.ResponseWriter) error {\n\tw.WriteHeader(204)",
			"(response UnlockAccount204Response) VisitUnlockAccountResponse(w http.ResponseWriter) error {\n\tw.WriteHeader(202)"},
	}},
	{row: "3", name: "getStatistics leaves out to", gate: contract + "TestEveryOperationHasAHandler", want: `property "to" is missing`, changes: []change{
		{server, "To Timestamp `json:\"to\"`", "To Timestamp `json:\"to,omitempty\"`"},
		{"internal/surface/admin/statistics.go", ", To: convert.Time(to)", ""},
	}},
	{row: "3b", name: "a reason leaves out its optional factor", gate: contract + "TestEveryMemberIsUsed", want: "AccessReason.Factor", changes: []change{
		{"internal/surface/admin/logs.go", "shown.Factor, shown.Until = &r.Factor, &until", "shown.Until = &until"},
	}},
	{row: "4", name: "an example does not fit its schema", gate: "make -s spec-lint", want: "createdAt", changes: []change{
		{"api/toolkit/account.yaml", "createdAt: '2", "createdAt: 'on 2"},
	}},
	{row: "5", name: "required becomes optional, not generated", commit: true, gate: fresh, want: "gen/ differs", changes: []change{
		{toolkit, "required: [access_token, token_type, expires_in, refresh_token]", "required: [access_token, token_type, expires_in]"},
	}},
	{row: "6", name: "the same, generated", generate: true, commit: true, gate: promises, want: "became optional", changes: []change{
		{toolkit, "required: [access_token, token_type, expires_in, refresh_token]", "required: [access_token, token_type, expires_in]"},
	}},
	{row: "7", name: "a column is renamed", gate: "make -s generate", want: "does not exist", changes: []change{
		{"sql/migrations/00001_foundation.sql", "    recipient   text", "    receiver    text"},
	}},
	{row: "8", name: "a landed migration is changed", gate: "go test ./sql/migrations", want: "has landed and must not change", changes: []change{
		{"sql/migrations/00005_delivery.sql", "-- +goose Up", "-- +goose Up\n-- changed"},
	}},
	{row: "8b", name: "the line of a landed migration is changed", commit: true, gate: promises, want: "migrations.sum lost the line", changes: []change{
		{"sql/migrations/migrations.sum", "6baf31b977", "0000000000"},
	}},
	{row: "9", name: "a query is changed, not generated", commit: true, gate: fresh, want: "gen/ differs", changes: []change{
		{"sql/queries/member_group.sql", "LIMIT 1000;", "LIMIT 999;"},
	}},
	{row: "10", name: "gen/api is changed by hand", commit: true, gate: fresh, want: "gen/ differs", changes: []change{
		{server, "type GroupList struct {", "type GroupList struct {\n\tExtra string `json:\"extra\"`\n"},
	}},
	{row: "11", name: "a route in Go only", gate: contract + "TestNoOtherRoutesExist", want: "the route GET /extra is neither documented", changes: []change{
		{"internal/app/routes.go", "\tpipeline.Health(r, a.readiness)\n", "\tpipeline.Health(r, a.readiness)\n\tr.Method(http.MethodGet, \"/extra\", http.NotFoundHandler())\n"},
	}},
	{row: "12", name: "a code in Go only", gate: contract + "TestErrorCodesAgree", want: "has a message, but is not in the enum", changes: []change{
		{messages, `	"UNAUTHENTICATED": `, "\t\"OF_GO_ONLY\": {Chinese: \"没有\", English: \"None.\"},\n\t\"UNAUTHENTICATED\": "},
	}},
	{row: "12", name: "a code in the document only", generate: true, gate: contract + "TestErrorCodesAgree", want: "but has no message", changes: []change{
		{"api/components/schemas/error.yaml", "    - LAST_WAY_IN\n", "    - LAST_WAY_IN\n    - OF_THE_DOCUMENT\n"},
	}},
	{row: "12b", name: "a status in the document only", generate: true, gate: contract + "TestEveryResponseIsProvoked", want: "which no scenario provokes", changes: []change{
		{"api/public/stay-signed-in.yaml", "        description: 会话有效 · The session is live.\n", "        description: 会话有效 · The session is live.\n      '409': { $ref: '../components/responses.yaml#/SignedOut' }\n"},
	}},
	{row: "13", name: "security is removed", generate: true, gate: "go test ./test/authorization -run TestAuthorizationMatrix", want: "/user/sessions", changes: []change{
		{"api/public/sessions.yaml", "    security:\n      - sessionCookie: []\n    responses:", "    security: []\n    responses:"},
	}},
	{row: "13", name: "XSRF is removed", generate: true, gate: "go test ./test/authorization -run TestAuthorizationMatrix", want: "/user/sessions", changes: []change{
		{"api/public/sessions.yaml", "      - sessionCookie: []\n        xsrf: []\n", "      - sessionCookie: []\n"},
	}},
	{row: "14", name: "x-required-right is weakened", generate: true, gate: "go test ./test/authorization -run TestRights", want: "deleteAccount requires", changes: []change{
		{"api/admin/accounts.yaml", "x-required-right: accounts.delete", "x-required-right: accounts.read"},
	}},
	{row: "14", name: "the same, by the matrix", generate: true, gate: "go test ./test/authorization -run TestAuthorizationMatrix", want: "accounts.read alone", changes: []change{
		{"api/admin/accounts.yaml", "x-required-right: accounts.delete", "x-required-right: accounts.read"},
	}},
	{row: "14", name: "the same, by the older document", generate: true, gate: promises, want: "changed `x-required-right`", changes: []change{
		{"api/admin/accounts.yaml", "x-required-right: accounts.delete", "x-required-right: accounts.read"},
	}},
	{row: "15", name: "types of TypeScript are stale", commit: true, gate: fresh, want: "gen/ differs", changes: []change{
		{"gen/typescript/types.gen.ts", "export type ClientOptions", "export type Stale = string;\n\nexport type ClientOptions"},
	}},
	{row: "16", name: "sqlc is taken out of tools/go.mod", gate: "make -s generate", want: "sqlc", changes: []change{
		{"tools/go.mod", "\tgithub.com/sqlc-dev/sqlc/cmd/sqlc\n", ""},
	}},
	{row: "16b", name: "go.mod is not tidy", gate: "make -s modules-are-tidy", want: "chi/v5", changes: []change{
		{"go.mod", "github.com/go-chi/chi/v5 v5.5.0", "github.com/go-chi/chi/v5 v5.5.0 // indirect"},
	}},
	{row: "17", name: "times without milliseconds", gate: contract + "TestEveryOperationHasAHandler", want: "pattern", changes: []change{
		{"internal/surface/convert/convert.go", "15:04:05.000Z", "15:04:05Z"},
	}},
	{row: "18", name: "Chinese and English of a message are swapped", gate: contract + "TestErrorCodesAgree", want: "UNAUTHENTICATED: the example has", changes: []change{
		{messages, `{Chinese: "请先登录", English: "Please sign in."}`, `{Chinese: "Please sign in.", English: "请先登录"}`},
	}},
	{row: "18", name: "a Chinese message in English", gate: "go test ./internal/platform/problem", want: "UNAUTHENTICATED", changes: []change{
		{messages, `{Chinese: "请先登录", English: "Please sign in."}`, `{Chinese: "Please sign in.", English: "Please sign in."}`},
	}},
	{row: "19", name: "a response header of its own", gate: contract + "TestEveryOperationHasAHandler", want: "the header X-Account-Version is not named", changes: []change{
		{"internal/platform/httpapi/header.go", "var fixedHeaders = http.Header{", "var fixedHeaders = http.Header{\n\t\"X-Account-Version\": {\"1\"},"},
	}},
	{row: "20", name: "a header documented and never sent", generate: true, gate: "go build ./...", want: "unknown field", changes: []change{
		{"api/toolkit/account.yaml", "        description: 当前账号 · The account.\n",
			"        description: 当前账号 · The account.\n        headers:\n          ETag: { $ref: '../components/headers.yaml#/ETag' }\n"},
	}},
	{row: "21", name: "an optional parameter in the document only", generate: true, gate: contract + "TestEveryMemberIsUsed", want: "ListAuditEventsParams.Session", changes: []change{
		{"api/admin/audit.yaml", "      - { $ref: '../components/parameters.yaml#/AuditAction' }\n",
			"      - { $ref: '../components/parameters.yaml#/AuditAction' }\n      - { name: session, in: query, description: 会话 · The session., schema: { type: string, maxLength: 22 } }\n"},
	}},
	{row: "21", name: "an optional request member in the document only", generate: true, gate: contract + "TestEveryMemberIsUsed", want: "Company", changes: []change{
		{toolkit, "  required: [username, email, password, verificationCode]\n  properties:\n",
			"  required: [username, email, password, verificationCode]\n  properties:\n    company: { type: string, maxLength: 9, description: 公司 · The company. }\n"},
	}},
	{row: "21", name: "an optional response member in the document only", generate: true, gate: contract + "TestEveryMemberIsUsed", want: "Session.Label", changes: []change{
		{"api/components/schemas/session.yaml", "seenAt, expiresAt, current]\n  properties:\n",
			"seenAt, expiresAt, current]\n  properties:\n    label: { type: string, maxLength: 9, description: 名称 · The label. }\n"},
	}},
	{row: "22", name: "the default of limit is 20, in the document only", generate: true, gate: contract + "TestDefaults", want: "limit=20, the default", changes: []change{
		{"api/components/parameters.yaml", "default: 50", "default: 20"},
	}},
	{row: "23", name: "numbers in prose", generate: true, gate: contract + "TestNumbers", want: `"50 guesses" is not in the row`, changes: []change{
		{"api/toolkit/registration.yaml", "valid for 10 minutes and allows 5 guesses", "valid for 30 minutes and allows 50 guesses"},
	}},
	{row: "24", name: "the message of a success is always Chinese", gate: contract + "TestSuccessMessage", want: "sendRegistrationCode with Accept-Language", changes: []change{
		{"internal/surface/toolkit/toolkit.go", "textCodeSent.In(origin.From(ctx).Language)", "textCodeSent.Chinese"},
	}},
}
