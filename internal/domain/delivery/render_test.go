package delivery

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/testkit/geotest"
)

// A user can read when and on what something happened, and opens the page with a button; the address stands below it, for programs
// that show no buttons.
func TestMessageIsForPeople(t *testing.T) {
	t.Parallel()

	const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"

	content := Content{Device: chrome, Link: "https://gateway.test/confirm_email?token=x&y", At: time.Date(2026, time.March, 9, 17, 4, 5, 0, time.FixedZone("", 8*3600))}

	for l, want := range map[language.Language][]string{
		language.Chinese: {"2026年3月9日 09:04（UTC）", ">打开页面</a>"},
		language.English: {"9 March 2026, 09:04 UTC", ">Open the page</a>", "Chrome on Windows"},
	} {
		got, err := render(EmailChanged, l, content)
		if err != nil {
			t.Fatal(err)
		}

		for _, text := range append(want, `href="https://gateway.test/confirm_email?token=x&amp;y"`) {
			if !strings.Contains(got.HTML, text) {
				t.Errorf("%s: no %q in %s", l, text, got.HTML)
			}
		}

		if !strings.Contains(got.Text, want[0]) || !strings.Contains(got.Text, content.Link) {
			t.Errorf("%s: %s", l, got.Text)
		}
	}
}

// The place of an address is beside it, as far as it is known.
func TestMessageNamesThePlace(t *testing.T) {
	t.Parallel()

	file := filepath.Join(t.TempDir(), "places.mmdb")
	geotest.Replace(t, file, geotest.File(t, geotest.Some()...))

	places, err := geo.Open(file, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}

	w := NewWorker(WorkerDeps{Places: places})

	for address, want := range map[string]map[language.Language]string{
		"203.0.113.7":  {language.English: "203.0.113.7 (Sydney, Australia)", language.Chinese: "203.0.113.7（澳大利亚悉尼）"},
		"198.51.100.1": {language.English: "198.51.100.1 (China)", language.Chinese: "198.51.100.1（中国）"},
		"192.0.2.1":    {language.English: "192.0.2.1", language.Chinese: "192.0.2.1"},
		"":             {language.English: "", language.Chinese: ""},
	} {
		for l, text := range want {
			if got := w.placed(Content{Address: address}, l).Address; got != text {
				t.Errorf("%s in %s: %q, want %q", address, l, got, text)
			}
		}
	}

	if got := NewWorker(WorkerDeps{}).placed(Content{Address: "203.0.113.7"}, language.English).Address; got != "203.0.113.7" {
		t.Errorf("without a file: %q", got)
	}
}
