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

// Network returns the subject of a limit by address: the address itself for IPv4, its /64 for IPv6, where one user
// controls a whole prefix.
func (c Origin) Network() string {
	if !c.Address.IsValid() {
		return "unknown"
	}

	// An IPv4 address in IPv6 form counts as itself, not as the network that all of these form.
	address := c.Address.Unmap()
	if address.Is4() {
		return address.String()
	}

	prefix, err := address.Prefix(64)
	if err != nil {
		return "unknown"
	}

	return prefix.String()
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
