package authority_test

import (
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/authority"
)

func TestRights(t *testing.T) {
	t.Parallel()

	rights := authority.RightsOf([]string{"audit.read", "of.a.later.version", "groups.write"})
	if got := rights.String(); got != "audit.read groups.write" {
		t.Errorf("rights %q, want those that this version knows", got)
	}

	for right, want := range map[authority.Right]bool{
		authority.AuditRead: true, authority.AccountsRead: false, authority.Any: true, "of.a.later.version": false,
	} {
		if got := rights.Has(right); got != want {
			t.Errorf("%s: %t", right, got)
		}
	}

	if (authority.Rights{}).Has(authority.Any) {
		t.Error("a group without rights has any")
	}

	if rights.Include(authority.All) || !authority.All.Include(rights) || !rights.Include(nil) || !rights.Include(rights) {
		t.Error("an actor passes on more rights than it has, or fewer")
	}
}

func TestExpects(t *testing.T) {
	t.Parallel()

	seven := int32(7)
	if (authority.Target{Version: &seven}).Expects(8) || !(authority.Target{Version: &seven}).Expects(7) || !(authority.Target{}).Expects(8) {
		t.Error("a target takes another version, or refuses its own")
	}
}
