package account

import (
	"strings"
	"testing"
)

// SEC-S22: a picture is an object key or an https URL: no script, no document, no tracker without TLS.
func TestPicture(t *testing.T) {
	t.Parallel()

	for _, right := range []string{
		"", "a.png", "avatars/68ca4a3d9f1c2b7e5a0d4c61/me.png", "头像/照片.png", "a..b/c.png", "user@2x.png", "a%20b.png",
		"https://cdn.example.com/a.png", "https://cdn.example.com:8443/a.png?x-size=64&y=(1)#top", "HTTPS://cdn.example.com/a.png", "000000",
		strings.Repeat("长", MaxPicture),
	} {
		if err := CheckPicture(right); err != nil {
			t.Errorf("%.80q is refused", right)
		}
	}

	for _, wrong := range []string{
		"javascript:alert(document.domain)", "JavaScript:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)", "javascript&colon;alert(1)<",
		"data:text/html,<script>alert(1)</script>", "data:image/png;base64,AAAA", "vbscript:x", "blob:https://a.test/1", "file:///etc/passwd",
		"http://tracker.example/1.gif", "ftp://a.test/a.png", "//evil.example/a.png", "/logout", "\\\\evil.example\\a.png", "../logout", "a/../../b", "..",
		"https:", "https://", "https:///a.png", "https:evil", "https://user:password@a.test/a.png", "https://a.test/ a.png", "https://a.test/\"onerror=x",
		"https://a.test/a'b", "a b.png", "a\nb", "a\u202eb", "x:y", "?logout", "#x", "\xff", strings.Repeat("x", MaxPicture+1),
	} {
		if err := CheckPicture(wrong); err == nil {
			t.Errorf("%.80q is accepted", wrong)
		}
	}
}
