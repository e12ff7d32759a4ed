package appredirect_test

import (
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/appredirect"
)

// RFC 8252, sections 7.1 to 7.3 and 8.10: exactly the addresses of the list, but for the port of the loopback interface.
func TestAllows(t *testing.T) {
	t.Parallel()

	list, err := appredirect.Parse([]string{
		"https://app.konec.test/lark", "toolkit-studio:/lark", "com.konec.toolkit:/lark?a=b", "http://127.0.0.1/lark", "http://[::1]:9/lark",
	})
	if err != nil {
		t.Fatal(err)
	}

	for address, want := range map[string]bool{
		"https://app.konec.test/lark": true, "toolkit-studio:/lark": true, "com.konec.toolkit:/lark?a=b": true,
		"http://127.0.0.1/lark": true, "http://127.0.0.1:49152/lark": true, "http://[::1]:49152/lark": true, "http://[::1]/lark": true,

		"https://app.konec.test/lark/": false, "https://app.konec.test/lark?x": false, "https://app.konec.test/lark#x": false, "https://app.konec.test": false,
		"https://app.konec.test:444/lark": false, "https://APP.konec.test/lark": false, "https://evil.test/lark": false, "http://app.konec.test/lark": false,
		"https://app.konec.test@evil.test/lark": false, "https://user@app.konec.test/lark": false, "//app.konec.test/lark": false,
		"toolkit-studio:/other": false, "toolkit-studio://lark": false, "com.konec.toolkit:/lark": false,
		"http://127.0.0.1:1/other": false, "http://127.0.0.2/lark": false, "http://localhost/lark": false, "https://127.0.0.1/lark": false,
		"http://127.0.0.1@evil.test/lark": false, "http://x@127.0.0.1/lark": false, "javascript:alert(1)": false, "": false, "%zz": false,
	} {
		if got := list.Allows(address); got != want {
			t.Errorf("%q is allowed: %t, want %t", address, got, want)
		}
	}

	if (appredirect.List{}).Allows("") {
		t.Error("an empty list allows an empty address")
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()

	for _, text := range []string{
		"", "x", "/lark", "javascript:alert(1)", "data:text/html,x", "file:///x", "toolkit:/lark", "http://app.konec.test/lark", "http://localhost/x",
		"https:///x", "https://user@app.konec.test/", "https://app.konec.test/#x", "toolkit-studio:/x#", "%zz", "http://127.0.0.1@evil.test/",
	} {
		if list, err := appredirect.Parse([]string{text}); err == nil {
			t.Errorf("%q is taken as %v", text, list)
		}
	}
}
