package contract_test

import "regexp"

// seedOperation is an operation of the two seed documents, as they have it.
type seedOperation struct {
	id, title    string // the operationId, and the heading
	method, path string
	media        string       // the content type, if the seed names it
	in           []seedMember // of the query, the path and the body
	status       string
	out          []seedMember
	settled      []string // inputs that the seed lacks or does not mark as required, and that the contract settles
	signedOut    bool     // the seed has 401 with code and message
	never        bool     // the seed has no failure
}

// seedMember is a member, with the type as the seeds write it.
type seedMember struct {
	name, kind string
	must       bool // marked 必须, or shown in the example of a body
	members    []seedMember
}

// refused returns the failures of the seed, by status, with their members.
func (s seedOperation) refused() map[string][]seedMember {
	found := map[string][]seedMember{}

	if !s.never {
		found["400"] = []seedMember{{name: "message", kind: "string"}}
	}

	if s.signedOut {
		found["401"] = []seedMember{{name: "code", kind: "string"}, {name: "message", kind: "string"}}
	}

	return found
}

// seedTypes are the types of the seeds, as JSON. `history` and `lark` are null if there is none (contract, "Profile").
var seedTypes = map[string]*regexp.Regexp{
	"string":   regexp.MustCompile(`^"`),
	"string[]": regexp.MustCompile(`^\[`),
	"number":   regexp.MustCompile(`^-?[0-9]+$`),
	"bool":     regexp.MustCompile(`^(true|false)$`),
	"true":     regexp.MustCompile(`^true$`),
	"date":     regexp.MustCompile(`^"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z"$`),
	"object":   regexp.MustCompile(`^(\{|null$)`),
	"id":       regexp.MustCompile(`^"[0-9a-f]{24}"$`),
	"bearer":   regexp.MustCompile(`^"bearer"$`),
}

func must(names ...string) []seedMember {
	members := make([]seedMember, len(names))
	for i, name := range names {
		members[i] = seedMember{name: name, kind: "string", must: true}
	}

	return members
}

var (
	seedTokens = []seedMember{{name: "access_token", kind: "string"}, {name: "token_type", kind: "bearer"}, {name: "expires_in", kind: "number"}, {name: "refresh_token", kind: "string"}}
	seedUser   = []seedMember{
		{name: "_id", kind: "id"}, {name: "username", kind: "string"}, {name: "email", kind: "string"}, {name: "memberGroup", kind: "string"},
		{name: "avatar", kind: "number"}, {name: "createdAt", kind: "date"}, {name: "updatedAt", kind: "date"}, {name: "__v", kind: "number"},
	}
)

// seeds are all operations of toolkit-gateway.md, then all of public-services.md. The former has no failures; those of the
// contract are in scenarios.
var seeds = []seedOperation{
	{
		id: "login", title: "登录获取 Access Token", method: "POST", path: "/api/auth/login", media: "application/x-www-form-urlencoded",
		in: must("email", "password"), status: "200", out: seedTokens, never: true,
	},
	{
		id: "refresh", title: "刷新 Access Token", method: "POST", path: "/api/auth/refresh", media: "application/json",
		in: must("refresh_token"), status: "200", out: seedTokens, never: true,
	},
	{
		id: "getMe", title: "获取当前登录用户信息", method: "GET", path: "/api/users/me",
		status: "200", out: []seedMember{{name: "success", kind: "true"}, {name: "user", kind: "object", members: seedUser}}, never: true,
	},
	{
		id: "sendRegistrationCode", title: "新注册用户验证码发送", method: "POST", path: "/api/users/register/send-code", media: "application/json",
		in: must("email"), status: "200", out: []seedMember{{name: "success", kind: "true"}, {name: "message", kind: "string"}}, never: true,
	},
	{
		id: "register", title: "注册新用户账号", method: "POST", path: "/api/users/register", media: "application/json",
		in: must("username", "email", "password", "verificationCode"), status: "201", // the seed names no status
		out:   []seedMember{{name: "success", kind: "true"}, {name: "message", kind: "string"}, {name: "user", kind: "object", members: seedUser}},
		never: true,
	},

	{
		id: "load", title: "载入", method: "GET", path: "/", status: "200",
		out: []seedMember{{name: "name", kind: "string"}, {name: "ip", kind: "string"}, {name: "now", kind: "date"}, {name: "values", kind: "object"}},
	},
	{id: "signIn", title: "登录", method: "POST", path: "/login", in: must("email", "password"), status: "204"},
	{id: "sendSignInCode", title: "获取短信登录验证码", method: "GET", path: "/login/sms", status: "204", settled: []string{"phone"}}, // contract: takes the required phone
	{id: "signInWithCode", title: "短信登录", method: "POST", path: "/login/sms", in: must("phone", "code"), status: "204"},
	{id: "signInWithTOTP", title: "TOTP 登录", method: "POST", path: "/login/totp", in: must("email", "code"), status: "204"},
	{id: "sendResetCode", title: "获取重置密码验证", method: "GET", path: "/forget_code", in: must("email"), status: "204"},
	{id: "resetPassword", title: "重置密码", method: "POST", path: "/forget_reset", in: must("email", "code", "password"), status: "204"},
	{id: "verify", title: "验证", method: "GET", path: "/verify", status: "204", signedOut: true},
	{id: "createRefreshCode", title: "令牌刷新验证码", method: "GET", path: "/refresh_code", status: "200", out: []seedMember{{name: "code", kind: "string"}}},
	{id: "renewSession", title: "刷新令牌", method: "POST", path: "/refresh_token", in: must("code"), status: "204"},
	{id: "signOut", title: "登出", method: "POST", path: "/logout", status: "204", never: true},
	{
		id: "getUser", title: "获取用户信息", method: "GET", path: "/user", status: "200",
		out: []seedMember{
			{name: "_id", kind: "id"}, {name: "email", kind: "string"}, {name: "name", kind: "string"}, {name: "avatar", kind: "string"},
			{name: "phone", kind: "string"}, {name: "sessions", kind: "number"}, {name: "history", kind: "object"}, {name: "totp", kind: "string"},
			{name: "lark", kind: "object"}, {name: "status", kind: "bool"}, {name: "create_time", kind: "date"}, {name: "update_time", kind: "date"},
		},
	},
	{
		id: "changeUser", title: "设置用户信息", method: "PATCH", path: "/user", status: "204",
		in: []seedMember{{name: "key", kind: "string", must: true}, {name: "email", kind: "string"}, {name: "name", kind: "string"}, {name: "avatar", kind: "string"}},
	},
	{id: "changePassword", title: "修改密码", method: "POST", path: "/user/password", in: must("old", "password"), status: "204"},
	{id: "sendPhoneCode", title: "获取用户手机验证码", method: "GET", path: "/user/phone_code", status: "204", settled: []string{"phone"}}, // contract: takes the required phone
	{id: "bindPhone", title: "绑定用户手机", method: "POST", path: "/user/phone", in: must("phone", "code"), status: "204"},
	{id: "createTOTP", title: "生成 TOTP URL", method: "GET", path: "/user/totp", status: "200", out: []seedMember{{name: "totp", kind: "string"}}},
	{
		id: "bindTOTP", title: "绑定 TOTP", method: "POST", path: "/user/totp",
		in:     []seedMember{{name: "totp", kind: "string"}, {name: "tss", kind: "string[]"}},
		status: "200", out: []seedMember{{name: "codes", kind: "string[]"}}, // the seed has 204; contract: binding answers recovery codes
	},
	{id: "unbind", title: "取消用户信息", method: "DELETE", path: "/user/:key", in: must("key"), status: "204"},
	{
		id: "getOptions", title: "配置载入", method: "GET", path: "/options",
		in:     []seedMember{{name: "type", kind: "string"}},
		status: "200", out: []seedMember{{name: "id", kind: "string"}, {name: "key", kind: "string"}}, // of generate-secret
	},
}
