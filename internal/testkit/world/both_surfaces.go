package world

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// BothSurfaces is a gateway for tests of signing in on both surfaces: an app's login and a visitor's browser.
type BothSurfaces struct {
	*apptest.Env

	Visitor *apptest.Browser
}

// NewBothSurfaces starts a gateway and loads the visitor's browser.
func NewBothSurfaces(t *testing.T, change ...func(*apptest.Settings)) *BothSurfaces {
	t.Helper()

	b := &BothSurfaces{Env: apptest.New(t, change...)}
	b.Visitor = b.Browser(t)
	b.Visitor.Load(t)

	return b
}

// Surface is one of the two surfaces, named by the path of its sign-in.
type Surface string

// The two surfaces.
const (
	ToolkitSurface Surface = "/api/auth/login"
	PublicSurface  Surface = "/login"
)

// SignInCall returns the call that signs in on the surface.
func (b *BothSurfaces) SignInCall(surface Surface, email, password string) Call {
	if surface == ToolkitSurface {
		c := Call{Method: http.MethodPost, Path: string(surface)}.With("Content-Type", "application/x-www-form-urlencoded")
		c.Body = url.Values{"email": {email}, "password": {password}}.Encode()

		return c
	}

	c := Call{Method: http.MethodPost, Path: string(surface)}.FromBrowser(b.Visitor).With("Content-Type", "application/json")
	c.Body = fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)

	return c
}

// ExpectWrong makes a wrong guess and checks that it was compared: it is refused without a delay.
func (b *BothSurfaces) ExpectWrong(t *testing.T, what string, surface Surface, email string) {
	t.Helper()

	got := b.SignInCall(surface, email, "wrong").To(t, b.Server)
	if got.Problem.Code != "INVALID_CREDENTIALS" || RetryAfter(t, got) != 0 {
		t.Errorf("%s, %s: %s", what, surface, got)
	}
}
