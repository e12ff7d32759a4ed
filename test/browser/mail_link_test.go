package browser_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// Contract "codes": the pages behind the links in mails work without scripts, in a real browser, and are accessible.
func TestMailLinksInABrowser(t *testing.T) {
	t.Parallel()

	s := newBrowserSite(t)
	s.Account(t, world.Owner)

	const (
		fresh    = "fresh@konec.com.au"
		password = "a staple that no horse can correct"
	)

	s.serveRequest(t, "/ask-reset", func(email string) world.Call {
		return world.Call{Method: http.MethodGet, Path: "/forget_code", Query: url.Values{"email": {email}}.Encode()}
	})
	s.serveRequest(t, "/ask-registration", func(email string) world.Call {
		return world.PostCall("/api/users/register/send-code", map[string]any{"email": email})
	})

	s.runScript(t, "mail-links.mjs", map[string]any{
		"person": map[string]string{"email": world.Owner, "fresh": fresh, "other": "other@konec.com.au", "reset": password},
	})

	for _, email := range []string{world.Owner, fresh} {
		if got := world.LoginCall(email, password).To(t, s.Server); got.Status != http.StatusOK {
			t.Errorf("%s, with the password of the page: %s", email, got)
		}
	}

	if got := world.LoginCall(world.Owner, apptest.Password).To(t, s.Server); got.Status != http.StatusUnauthorized {
		t.Errorf("the password of before: %s", got)
	}
}

// serveRequest lets the script ask for a mail, as an app does, in a language.
func (s *browserSite) serveRequest(t *testing.T, path string, call func(email string) world.Call) {
	t.Helper()

	s.scriptMux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		got := call(r.FormValue("email")).With("Accept-Language", r.FormValue("language")).To(t, s.Server)
		if got.Status >= http.StatusBadRequest {
			t.Errorf("%s: %s", path, got)
			w.WriteHeader(http.StatusInternalServerError)
		}

		writeJSON(w, true)
	})
}
