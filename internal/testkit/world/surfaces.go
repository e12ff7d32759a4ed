package world

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// BothSurfaces is in front of both doors: an app's login, and a browser in which nobody is signed in.
type BothSurfaces struct {
	*apptest.Env

	Visitor *apptest.Browser
}

func NewBothSurfaces(t *testing.T, change ...func(*apptest.Settings)) *BothSurfaces {
	t.Helper()

	p := &BothSurfaces{Env: apptest.New(t, change...)}
	p.Visitor = p.Browser(t)
	p.Visitor.Load(t)

	return p
}

// Surface is one of the two ways in.
type Surface string

const (
	ToolkitSurface Surface = "/api/auth/login"
	PublicSurface  Surface = "/login"
)

// SignInCall makes the call that signs somebody in.
func (p *BothSurfaces) SignInCall(d Surface, email, password string) Call {
	if d == ToolkitSurface {
		c := Call{Method: http.MethodPost, Path: string(d)}.With("Content-Type", "application/x-www-form-urlencoded")
		c.Body = url.Values{"email": {email}, "password": {password}}.Encode()

		return c
	}

	c := Call{Method: http.MethodPost, Path: string(d)}.FromBrowser(p.Visitor).With("Content-Type", "application/json")
	c.Body = fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)

	return c
}

// ExpectWrong says that the guess was compared.
func (p *BothSurfaces) ExpectWrong(t *testing.T, what string, d Surface, email string) {
	t.Helper()

	got := p.SignInCall(d, email, "wrong").To(t, p.Server)
	if got.Problem.Code != "INVALID_CREDENTIALS" || RetryAfter(t, got) != 0 {
		t.Errorf("%s, %s: %s", what, d, got)
	}
}
