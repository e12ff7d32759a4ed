package appversion_test

import (
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/appversion"
)

func TestAllows(t *testing.T) {
	t.Parallel()

	minimum, err := appversion.Parse([]string{"studio=2.3.1", " mobile=4", "desktop=0"})
	if err != nil {
		t.Fatal(err)
	}

	for header, want := range map[string]bool{
		"": true, "web/0.1": true, "web": true, "Studio/1": true, "/1": true, // no app with a minimum
		"studio/2.3.1": true, "studio/2.3.10": true, "studio/2.10": true, "studio/10": true, "studio/2.3.1.7": true, " studio/2.3.1 ": true,
		"studio/v2.3.1": true, "studio/2.3.1-beta.4": true, "studio/2.3.1+5": true, "studio/2.3.1 (Windows 11)": true, "studio/2.3.1/x": true,
		"studio/002.03.1": true, "mobile/4.0.0": true, "mobile/4": true, "desktop/0.0": true,
		"studio/2.3.0": false, "studio/2.3": false, "studio/2": false, "studio/1.99.99": false, "studio/0": false, "mobile/3.9.9.9": false,
		"studio": false, "studio/": false, "studio/beta": false, "studio/-3": false, "studio/2.3.": false, "studio/.9": false, "desktop": false,
		"studio/2.3.1.0.0.9": false, "studio/９.9": false, "studio/" + strings.Repeat("9", 400): false,
	} {
		if got := minimum.Allows(header); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()

	for _, list := range [][]string{
		{"studio"}, {"studio="}, {"studio=v2"}, {"studio=2.3.1-beta"}, {"=2"}, {"Studio=2"}, {"studio=1.2.3.4.5"}, {"studio=2."}, {"studio=2,mobile=3"},
		{"studio=2", "studio=3"}, {"studio=0", "studio=0"}, {"studio=99999999999"}, {""},
	} {
		if got, err := appversion.Parse(list); err == nil {
			t.Errorf("%q is read as %v", list, got)
		}
	}
}
