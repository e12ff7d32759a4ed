package config

import "testing"

// IN-K7: some mail servers refuse a name without a dot, such as that of a container.
func TestHello(t *testing.T) {
	t.Parallel()

	for name, one := range map[string]struct {
		change map[string]string
		want   string
	}{
		"Setting":      {map[string]string{"SMTP_HELO": "mx.konec.test", "PUBLIC_URL": "https://gateway.konec.test"}, "mx.konec.test"},
		"Literal":      {map[string]string{"SMTP_HELO": "[192.0.2.7]"}, "[192.0.2.7]"},
		"PublicURL":    {map[string]string{"PUBLIC_URL": "https://gateway.konec.test:8443"}, "gateway.konec.test"},
		"Sender":       {map[string]string{"MAIL_FROM": "Toolkit <no-reply@konec.test>"}, "konec.test"},
		"AddressOfURL": {map[string]string{"PUBLIC_URL": "https://192.0.2.7", "MAIL_FROM": "no-reply@konec.test"}, "konec.test"},
		"Nothing":      {nil, ""},
	} {
		c, err := Load(complete(one.change))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}

		if got := c.Hello(); got != one.want {
			t.Errorf("%s: got %q, want %q", name, got, one.want)
		}
	}
}
