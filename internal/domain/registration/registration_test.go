package registration

import "testing"

func TestAllowedDomains(t *testing.T) {
	t.Parallel()

	everyone, some := New(Deps{}), New(Deps{Domains: []string{"konec.test", "xn--fsq.test"}})

	for email, want := range map[string]bool{
		"user@konec.test": true, "user@xn--fsq.test": true, "user@sub.konec.test": false, "user@konec.test.evil": false, "user@evil.test": false,
		"konec.test": false,
	} {
		if !everyone.Allowed(email) {
			t.Errorf("%s may not register although no domain is named", email)
		}

		if some.Allowed(email) != want {
			t.Errorf("%s: %t, want %t", email, !want, want)
		}
	}
}
