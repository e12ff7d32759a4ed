// Package origin holds where a request comes from: what the audit log records, what limits count by, and the language of
// the answer. It travels in the context, and holds no credential.
package origin

import (
	"context"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// Origin is the origin of a request, or of a command (then Address is not valid).
type Origin struct {
	Address   netip.Addr // as the trusted-proxy setting sees it
	UserAgent string     // at most 256 bytes, printable
	Client    string     // what the app calls itself in X-Client, without its version; empty if it does not
	RequestID string
	Language  language.Language
}

type contextKey struct{}

// With returns a context that carries the origin.
func With(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, contextKey{}, &o)
}

// From returns the origin in ctx; the zero Origin stands for the gateway itself.
func From(ctx context.Context) Origin {
	if o, ok := ctx.Value(contextKey{}).(*Origin); ok {
		return *o
	}

	return Origin{}
}

// Command returns the origin of a command.
func Command(name string) Origin {
	return Origin{UserAgent: "toolkit-gateway " + name, Language: language.Chinese}
}

// Tiers is the number of networks by which limits count a request.
const Tiers = 3

// Networks returns the networks that contain the address, the narrowest first: what one user has, and wider ones that one
// attacker can have. IPv4: the address and its /24. IPv6: its /64, /56 and /48. The rest is empty.
func (c Origin) Networks() [Tiers]string {
	if !c.Address.IsValid() {
		return [Tiers]string{"unknown"}
	}

	// An IPv4 address in IPv6 form counts as itself, not as the network that all of these form.
	address := c.Address.Unmap().WithZone("")
	if address.Is4() {
		return [Tiers]string{address.String(), prefixOf(address, 24)}
	}

	return [Tiers]string{prefixOf(address, 64), prefixOf(address, 56), prefixOf(address, 48)}
}

func prefixOf(address netip.Addr, bits int) string {
	return netip.PrefixFrom(address, bits).Masked().String()
}

// Network returns the narrowest of Networks, which one user has.
func (c Origin) Network() string { return c.Networks()[0] }

// Neighbourhood returns the network that a user's home or office keeps: IPv4 /24, IPv6 /56.
func (c Origin) Neighbourhood() string {
	networks := c.Networks()
	if networks[1] == "" {
		return networks[0]
	}

	return networks[1]
}

// Widest returns the widest of Networks.
func (c Origin) Widest() string {
	networks := c.Networks()
	for i := Tiers - 1; i > 0; i-- {
		if networks[i] != "" {
			return networks[i]
		}
	}

	return networks[0]
}

// AddressOrNil returns the address in the form of a nullable column.
func (c Origin) AddressOrNil() *netip.Addr {
	if !c.Address.IsValid() {
		return nil
	}

	a := c.Address.WithZone("")

	return &a
}

// Printable returns the part of a header that may be stored and logged: valid UTF-8, no control characters, at most 256
// bytes.
func Printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return -1
		}

		return r
	}, s)

	for len(s) > 256 {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}

	return s
}
