package outbound_test

import (
	"net/netip"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/outbound"
)

func TestAddressIsChecked(t *testing.T) {
	t.Parallel()

	const (
		internet = 1 << iota
		development
		within
		everywhere = internet | development | within
	)

	policies := map[int]outbound.Policy{
		internet:    {},
		development: {Local: true},
		within:      {Inside: []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24"), netip.MustParsePrefix("fd00:1::/64")}},
	}

	for address, allowed := range map[string]int{
		"https://example.com/hook?key=1":     everywhere,
		"https://example.com:8443":           everywhere,
		"https://8.8.8.8/":                   everywhere,
		"https://[64:ff9b::808:808]/":        everywhere,
		"https://[2606:4700::1111]/":         everywhere,
		"https://localhost/":                 everywhere, // what a name resolves to is checked when the connection is made
		"http://example.com/hook":            development,
		"http://localhost/":                  development,
		"https://127.0.0.1/":                 development,
		"https://127.1.2.3/":                 development,
		"https://[::1]/":                     development,
		"https://[::ffff:127.0.0.1]/":        development,
		"https://10.1.2.3/":                  within,
		"https://[::ffff:10.1.2.3]/":         within,
		"https://[fd00:1::5]/":               within,
		"https://10.1.3.3/":                  0,
		"https://[fd00:2::5]/":               0,
		"https://192.168.1.1/":               0,
		"https://172.16.0.1/":                0,
		"https://169.254.169.254/meta-data/": 0,
		"https://[fe80::1%25eth0]/":          0,
		"https://168.63.129.16/":             0, // SEC-S26: Azure's host
		"https://100.64.0.1/":                0,
		"https://100.100.100.200/":           0,
		"https://0.0.0.0/":                   0,
		"https://0.1.2.3/":                   0,
		"https://[::]/":                      0,
		"https://[::127.0.0.1]/":             0,
		"https://[64:ff9b::a00:1]/":          0, // IN-K21: the address inside decides
		"https://[64:ff9b::a01:203]/":        within,
		"https://[64:ff9b::7f00:1]/":         development,
		"https://[64:ff9b::6440:1]/":         0,
		"https://[64:ff9b:1::808:808]/":      0,
		"https://[2002:a00:1::]/":            0,
		"https://224.0.0.1/":                 0,
		"https://255.255.255.255/":           0,
		"https://198.18.0.1/":                0,
		"ftp://example.com/":                 0,
		"https:///hook":                      0,
		"https://user@example.com/":          0,
		"https://user:password@example.com/": 0,
		"https://example.com/#fragment":      0,
		"https:example.com":                  0,
		"//example.com/":                     0,
		"example.com":                        0,
		"":                                   0,
		"https://exa mple.com/":              0,
	} {
		for one, policy := range policies {
			if err := policy.Check(address); (err == nil) != (allowed&one != 0) {
				t.Errorf("%q with %+v: %v", address, policy, err)
			}
		}
	}
}
