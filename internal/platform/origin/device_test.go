package origin

import (
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

func TestDevice(t *testing.T) {
	t.Parallel()

	for agent, want := range map[string]language.Text{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36":                                {Chinese: "Windows 上的 Chrome", English: "Chrome on Windows"},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0":                  {Chinese: "Windows 上的 Edge", English: "Edge on Windows"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15":                          {Chinese: "macOS 上的 Safari", English: "Safari on macOS"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0 Mobile/15E148 Safari/604.1":         {Chinese: "iOS 上的 Chrome", English: "Chrome on iOS"},
		"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0":       {Chinese: "Android 上的微信", English: "WeChat on Android"},
		"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0":                                                                         {Chinese: "Linux 上的 Firefox", English: "Firefox on Linux"},
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) toolkit-studio/2.1.0 Chrome/130.0.6723.59 Electron/33.0.2 Safari/537.36": {Chinese: "Linux 上的 Toolkit Studio", English: "Toolkit Studio on Linux"},
		"ToolkitStudio/2.1 (Windows 11)":      {Chinese: "Windows 上的 Toolkit Studio", English: "Toolkit Studio on Windows"},
		"Portable Toolkit/1.0":                {Chinese: "Portable Toolkit", English: "Portable Toolkit"},
		"Dalvik/2.1.0 (Linux; U; Android 14)": {Chinese: "Android", English: "Android"},
		"Go-http-client/1.1":                  {Chinese: "未知设备", English: "unknown device"},
		"":                                    {Chinese: "未知设备", English: "unknown device"},
		"https://evil.example 13800138000 a@b.cd!": {Chinese: "未知设备", English: "unknown device"},
	} {
		if got := (language.Text{Chinese: Device(agent, language.Chinese), English: Device(agent, language.English)}); got != want {
			t.Errorf("%q: %q", agent, got)
		}
	}
}

// SEC-S16, R-N5: nothing of what a client calls itself is in the name of its device.
func TestDeviceRepeatsNothing(t *testing.T) {
	t.Parallel()

	for _, agent := range []string{
		"Chrome. Your account is locked: go to https://toolkit-verify.evil.example/unlock now. Windows",
		"Chrome/1.2.3.4 evil.example Windows", "Toolkit Studio evil.example", "evil.example",
	} {
		for _, l := range []language.Language{language.Chinese, language.English} {
			if got := Device(agent, l); strings.Contains(got, "evil") || strings.ContainsAny(got, "./:") {
				t.Errorf("%q: %q", agent, got)
			}
		}
	}
}
