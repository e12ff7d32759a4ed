package regression_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// SEC-S22: no one sets a picture that is a script, a document, or a request without TLS to another host.
func TestPictureIsNoScript(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for picture, right := range map[string]bool{
		"javascript:alert(document.domain)": false, "data:text/html,<script>alert(1)</script>": false, "http://tracker.example/1.gif": false,
		"//tracker.example/1.gif": false, "avatars/me.png": true, "https://cdn.example.com/me.png?x=1": true, "": true,
	} {
		c := world.Call{Method: http.MethodPatch, Path: "/user"}.FromBrowser(g.OwnerBrowser).With("Content-Type", "application/json")
		c.Body = fmt.Sprintf(`{"key":"avatar","avatar":%q}`, picture)

		got := c.To(t, g.Server)
		if right && got.Status != http.StatusNoContent || !right && (got.Status != http.StatusBadRequest || !slices.Equal(got.Fields(), []string{"/avatar"})) {
			t.Errorf("%q: %s", picture, got)
		}
	}
}
