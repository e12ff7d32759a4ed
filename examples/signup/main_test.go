package main

import (
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

func TestSignup(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)

	var out strings.Builder
	if err := run(t.Context(), &out, env.URL, "signup@konec.com.au"); err != nil {
		t.Fatal(err)
	}

	const want = `send-code: 验证码已发送，请查收邮件
register: 用户注册成功，等待管理员分配成员组
login: expires in 3600 seconds
me: New User in group None
refresh: a new refresh token: true
me: New User in group None
refresh repeated: the same successor: true
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestRefusalSaysWhy(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)

	err := run(t.Context(), &strings.Builder{}, env.URL, "no address")
	if err == nil || !strings.Contains(err.Error(), "send-code: INVALID_REQUEST: 请求内容不符合要求") {
		t.Errorf("got %v", err)
	}
}
