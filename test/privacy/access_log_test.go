package privacy_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-K4, R-K5: a request is one line of the log, without names, whatever the request contains.
func TestAccessLogIsOneLineWithoutNames(t *testing.T) {
	t.Parallel()

	const marker = "lOgMaRk"

	g := newSecretGateway(t)
	g.Send(t, ownerEmail)
	before := strings.Count(g.Log.String(), `"msg":"request"`)

	for _, bad := range []string{"\r\n" + `{"msg":"` + marker + `"}`, "\n" + marker, "\x1b[2J" + marker, "\u2028" + marker, "\x00" + marker, "\u0085" + marker} {
		quoted, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}

		escaped := url.QueryEscape(bad)
		g.post(t, "/api/auth/login?email="+escaped, "application/x-www-form-urlencoded", "email="+escaped+"&password="+escaped, nil)
		g.post(t, "/api/users/register", "application/json", `{"username":`+string(quoted)+`,`+string(quoted)+`:1}`, nil)
		g.post(t, "/"+escaped, "text/plain; x="+marker, "", http.Header{
			"X-Request-Id": {marker + " " + marker}, "User-Agent": {marker + "\t"}, "Authorization": {marker}, "Accept-Language": {marker},
		})
		g.post(t, "/api/users/register/send-code?email="+url.QueryEscape(ownerEmail), "application/json", `{"email":"`+ownerEmail+`"}`, http.Header{"Referer": {"/?email=" + ownerEmail}})
	}

	requests := 0

	for line := range strings.Lines(g.Log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\x1b\x00") {
			t.Errorf("line %q: %v", line, err)
		}

		if entry["msg"] == marker || strings.Contains(line, marker) || strings.Contains(line, "@") {
			t.Errorf("line %s", line)
		}

		if entry["msg"] == "request" {
			requests++
		}
	}

	if requests-before != 6*4 {
		t.Errorf("%d requests made %d lines", 6*4, requests-before)
	}
}

// R-K4, R-K5: the same for the public surface, where query strings contain addresses, phones and secrets. What is
// stored of a request has no control characters either.
func TestHostileRequestsStayOneLine(t *testing.T) {
	t.Parallel()

	const marker = "lOgMaRk"

	g := world.NewGateway(t, world.WithoutNetworkLimits)
	lines := func() int { return strings.Count(g.Log.String(), `"msg":"request"`) }
	before, sent := lines(), 0

	for _, bad := range []string{
		"\r\n" + `{"msg":"` + marker + `"}`, "\n" + marker, "\x1b[2J" + marker, "\u2028" + marker, "\x00" + marker, "\u0085" + marker, "\xff" + marker,
	} {
		for _, c := range []world.Call{
			world.QueryCall("/forget_code", "email", bad), world.QueryCall("/forget_code", "email", ownerEmail), world.QueryCall("/login/sms", "phone", world.FreePhone),
			world.QueryCall("/user/phone_code", "phone", bad), world.QueryCall("/lark/authorize", "state", bad), world.QueryCall("/lark", "state", bad),
			world.QueryCall("/confirm_email", "token", bad), world.QueryCall("/first_run", "token", bad), world.QueryCall("/reset", "token", bad), world.QueryCall("/sign-up", "token", bad), world.QueryCall("/options", "type", bad), world.QueryCall("/options", bad, bad),
			world.JSONCall(http.MethodPatch, "/user", map[string]string{"key": "name", "name": bad}),
			world.JSONCall(http.MethodPatch, "/user", map[string]string{"key": "avatar", "avatar": bad}),
			world.JSONCall(http.MethodPost, "/login", map[string]string{"email": ownerEmail, "password": bad}),
			world.JSONCall(http.MethodPost, "/login", map[string]string{bad: bad}),
			{Method: http.MethodDelete, Path: "/user/" + url.PathEscape(bad)},
			{Method: http.MethodDelete, Path: "/user/sessions/" + url.PathEscape(bad)},
		} {
			c.FromBrowser(g.OwnerBrowser).With("User-Agent", marker+"\t\x80\xc2\x85\u2028 end").With("X-Request-Id", marker+"\t"+marker).
				With("Referer", "https://console.test/?email="+ownerEmail).With("Accept-Language", marker).To(t, g.Server)

			sent++
		}
	}

	for line := range strings.Lines(g.Log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\x1b\x00") {
			t.Errorf("line %q: %v", line, err)
		}

		if strings.Contains(line, marker) || strings.Contains(line, "@") || strings.Contains(line, world.FreePhone[1:]) {
			t.Errorf("line %s", line)
		}
	}

	if got := lines() - before; got != sent {
		t.Errorf("%d requests made %d lines", sent, got)
	}

	const control = `[\u0001-\u001f\u007f-\u009f]`
	if got := g.Count(t, "SELECT count(*) FROM audit_event WHERE user_agent ~ $1 OR request_id ~ $1 OR subject ~ $1", control); got != 0 {
		t.Errorf("%d rows with control characters", got)
	}

	if got := g.Count(t, "SELECT count(*) FROM audit_event WHERE user_agent LIKE $1", marker+"%"); got == 0 {
		t.Error("nothing was recorded")
	}
}
