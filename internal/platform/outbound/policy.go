package outbound

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
)

// ErrInside refuses to connect to an address that is not on the Internet.
var ErrInside = errors.New("the address is not a public one")

// ErrAddress refuses an address to which no request may be made.
var ErrAddress = errors.New("the address cannot be asked")

// Policy is the set of allowed addresses. The zero value is the Internet, by https.
type Policy struct {
	// Inside are networks that are not on the Internet, and allowed all the same.
	Inside []netip.Prefix
	// Local allows this machine, and http: for development.
	Local bool
}

// Check returns ErrAddress for an address that is never allowed. The addresses of a host name are checked when the
// connection is made.
func (p Policy) Check(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return ErrAddress
	}

	if u.Scheme != "https" && (u.Scheme != "http" || !p.Local) {
		return ErrAddress
	}

	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !p.allows(ip) {
		return ErrAddress
	}

	return nil
}

// control checks the address of a connection, after the name was resolved: an earlier resolution proves nothing (DNS
// rebinding). It is a net.Dialer's Control.
func (p Policy) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !p.allows(to.Addr()) {
		return ErrInside
	}

	return nil
}

// reserved are the networks, beside those that netip knows, that lead nowhere on the Internet or embed an address that is not
// allowed: IANA's registries of special-purpose addresses (RFC 6890).
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),    // shared by a provider's customers, and where some clouds keep their own
	netip.MustParsePrefix("168.63.129.16/32"), // the host of a virtual machine in Azure, which has the machine's settings
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // an IPv4 address inside
	netip.MustParsePrefix("fec0::/10"),
}

// nat64 is how a network that has IPv6 only reaches the IPv4 Internet: the last four bytes are the address (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func (p Policy) allows(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	if nat64.Contains(address) {
		all := address.As16()
		address = netip.AddrFrom4([4]byte(all[12:]))
	}

	contains := func(network netip.Prefix) bool { return network.Contains(address) }

	switch {
	case slices.ContainsFunc(p.Inside, contains), p.Local && address.IsLoopback():
		return true
	case !address.IsGlobalUnicast(), address.IsPrivate():
		return false // unspecified, loopback, link-local and multicast are not global unicast
	}

	return !slices.ContainsFunc(reserved, contains)
}
