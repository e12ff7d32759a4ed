package app_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// R-K4, R-K5: a request is one line of the log, which names nobody, whatever was in the request.
func TestAccessLogIsOneLineThatNamesNobody(t *testing.T) {
	t.Parallel()

	const marker = "lOgMaRk"

	v := newVault(t)
	v.send(t, holder)
	before := strings.Count(v.Log.String(), `"msg":"request"`)

	for _, bad := range []string{"\r\n" + `{"msg":"` + marker + `"}`, "\n" + marker, "\x1b[2J" + marker, "\u2028" + marker, "\x00" + marker, "\u0085" + marker} {
		quoted, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}

		escaped := url.QueryEscape(bad)
		v.post(t, "/api/auth/login?email="+escaped, "application/x-www-form-urlencoded", "email="+escaped+"&password="+escaped, nil)
		v.post(t, "/api/users/register", "application/json", `{"username":`+string(quoted)+`,`+string(quoted)+`:1}`, nil)
		v.post(t, "/"+escaped, "text/plain; x="+marker, "", http.Header{
			"X-Request-Id": {marker + " " + marker}, "User-Agent": {marker + "\t"}, "Authorization": {marker}, "Accept-Language": {marker},
		})
		v.post(t, "/api/users/register/send-code?email="+url.QueryEscape(holder), "application/json", `{"email":"`+holder+`"}`, http.Header{"Referer": {"/?email=" + holder}})
	}

	requests := 0

	for line := range strings.Lines(v.Log.String()) {
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
