package signin_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// T-26, R-J7, V-17, W-12: the recorded client address is the last hop that is not a configured proxy, counted from the
// right. No other header is trusted.
func TestClientAddress(t *testing.T) {
	t.Parallel()

	const (
		peer   = "127.0.0.1" // the address of the tests themselves
		client = "203.0.113.7"
		fake   = "198.51.100.66"
	)

	type headers map[string][]string

	forwarded := func(values ...string) headers { return headers{"X-Forwarded-For": values} }

	none, one, two := []string(nil), []string{"127.0.0.0/8", "::1/128"}, []string{"127.0.0.0/8", "10.0.0.0/8", "2001:db8:ffff::/48"}
	others := []string{"192.0.2.0/24"}

	cases := []struct {
		name    string
		headers headers
		want    map[string]string // the expected address, by which proxies are trusted
	}{
		{"no header", nil, sameAddress(peer)},
		{"one hop", forwarded(client), addressByTrust(peer, client, client)},
		{"spoofed left", forwarded(fake + ", " + client), addressByTrust(peer, client, client)},
		{"many spoofed left", forwarded("1.1.1.1, 2.2.2.2,3.3.3.3 , " + client), addressByTrust(peer, client, client)},
		{"spoofed as a proxy", forwarded("127.0.0.1, " + client), addressByTrust(peer, client, client)},
		{"two hops", forwarded(client + ", 10.1.2.3"), addressByTrust(peer, "10.1.2.3", client)},
		{"two hops, spoofed", forwarded(fake + ", " + client + ", 10.1.2.3"), addressByTrust(peer, "10.1.2.3", client)},
		{"two headers", forwarded(fake, client), addressByTrust(peer, client, client)},
		{"three headers", forwarded(fake, client, "10.1.2.3"), addressByTrust(peer, "10.1.2.3", client)},
		{"only proxies", forwarded("127.0.0.2, 127.0.0.3"), sameAddress(peer)},
		{"version 6", forwarded("2001:db8::7"), addressByTrust(peer, "2001:db8::7", "2001:db8::7")},
		{"version 6 proxy", forwarded(client + ", 2001:db8:ffff::1"), addressByTrust(peer, "2001:db8:ffff::1", client)},
		{"mapped", forwarded("::ffff:" + client), addressByTrust(peer, client, client)},
		{"mapped proxy", forwarded(client + ", ::ffff:10.1.2.3"), addressByTrust(peer, "10.1.2.3", client)},
		{"zone", forwarded("fe80::1%eth0"), addressByTrust(peer, "fe80::1", "fe80::1")},
		// SEC-S12: as proxies of Azure write it.
		{"port", forwarded(client + ":443"), addressByTrust(peer, client, client)},
		{"port of a proxy", forwarded(client + ":443, 10.1.2.3:55000"), addressByTrust(peer, "10.1.2.3", client)},
		{"brackets and port", forwarded("[2001:db8::7]:443"), addressByTrust(peer, "2001:db8::7", "2001:db8::7")},
		{"brackets", forwarded("[2001:db8::7]"), addressByTrust(peer, "2001:db8::7", "2001:db8::7")},
		{"half a bracket", forwarded("[2001:db8::7"), sameAddress(peer)},
		{"no port", forwarded(client + ":"), sameAddress(peer)},
		{"a port too large", forwarded(client + ":65536"), sameAddress(peer)},
		{"garbage", forwarded("unknown"), sameAddress(peer)},
		{"garbage right", forwarded(client + ", _hidden"), sameAddress(peer)},
		{"garbage left", forwarded("<script>, " + client), addressByTrust(peer, client, client)},
		{"garbage behind a proxy", forwarded("x, 10.1.2.3"), addressByTrust(peer, "10.1.2.3", peer)},
		{"empty", forwarded(""), sameAddress(peer)},
		{"commas", forwarded(",, ," + client + ", ,"), addressByTrust(peer, client, client)},
		{"leading zeros", forwarded("203.000.113.007"), sameAddress(peer)},
		{"number", forwarded("3405803783"), sameAddress(peer)},
		{"X-Real-IP", headers{"X-Real-Ip": {fake}}, sameAddress(peer)},
		{"True-Client-IP", headers{"True-Client-Ip": {fake}}, sameAddress(peer)},
		{"CF-Connecting-IP", headers{"Cf-Connecting-Ip": {fake}}, sameAddress(peer)},
		{"X-Client-IP", headers{"X-Client-Ip": {fake}}, sameAddress(peer)},
		{"Forwarded", headers{"Forwarded": {"for=" + fake}}, sameAddress(peer)},
		{"all of them", headers{"X-Forwarded-For": {client}, "X-Real-Ip": {fake}, "Forwarded": {"for=" + fake}}, addressByTrust(peer, client, client)},
	}

	for name, trusted := range map[string][]string{"none": none, "one": one, "two": two, "others": others} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g := world.NewGateway(t, world.WithManyFreeFailures, func(c *apptest.Settings) {
				for _, prefix := range trusted {
					c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(prefix))
				}
			})

			for _, one := range cases {
				c := world.Call{Method: http.MethodPost, Path: "/api/users/register"}.With("Content-Type", "application/json")
				c.Body = `{"username":"New User","email":"nobody@konec.com.au","password":"correct horse battery staple","verificationCode":"000000"}`

				for header, values := range one.headers {
					c = c.With(header, values...)
				}

				got := c.To(t, g.Server)
				if got.Status != http.StatusBadRequest {
					t.Errorf("%s: %s", one.name, got)
				}

				var address netip.Addr
				if err := g.Pool.QueryRow(t.Context(), "SELECT address FROM audit_event WHERE request_id = $1", got.Problem.RequestID).Scan(&address); err != nil {
					t.Fatalf("%s: %v", one.name, err)
				}

				if address.String() != one.want[name] {
					t.Errorf("%s: %s, want %s", one.name, address, one.want[name])
				}
			}
		})
	}
}

// addressByTrust returns the expected address if no proxy is trusted, if only the machine itself is, and if a network
// is trusted too.
func addressByTrust(none, one, two string) map[string]string {
	return map[string]string{"none": none, "others": none, "one": one, "two": two}
}

func sameAddress(address string) map[string]string { return addressByTrust(address, address, address) }

// R-J7: a caller who invents addresses remains one caller to the limits.
func TestSpoofedAddressesShareOneLimit(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	limited := 0

	for i := range 65 {
		c := world.Call{Method: http.MethodPost, Path: "/api/users/register/send-code"}.
			With("Content-Type", "application/json").With("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i)).
			With("X-Real-Ip", fmt.Sprintf("203.0.113.%d", i)).With("Forwarded", fmt.Sprintf("for=203.0.113.%d", i))
		c.Body = fmt.Sprintf(`{"email":"spoof.%d@konec.com.au"}`, i)

		if c.To(t, g.Server).Status == http.StatusTooManyRequests {
			limited++
		}
	}

	if limited != 5 {
		t.Errorf("%d of 65 limited, want 5", limited)
	}
}
