package group_test

import (
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/group"
)

// CON-D6: the names that the pattern of the document accepted before its dialect was that of OpenAPI 3.0.
func TestNameIsCheckedByItsFormat(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"Partner", "None", "合作伙伴 2", "Été", "a.b_c-d", "٣ x", "½"} {
		if err := group.CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}

	for _, name := range []string{"", " ", " a", "-a", "_", ".a", "a/b", "a\tb", "a\x00", "a\n", "a+b", "<a>", "a\u200b", "\xff", "🦊"} {
		if group.CheckName(name) == nil {
			t.Errorf("%q is accepted", name)
		}
	}
}
