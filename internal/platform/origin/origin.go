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

// With returns a context that carries the origin of what is done in it.
func With(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, contextKey{}, &o)
}

// From returns the origin that ctx carries; the zero Origin stands for the gateway itself.
func From(ctx context.Context) Origin {
	if o, ok := ctx.Value(contextKey{}).(*Origin); ok {
		return *o
	}

	return Origin{}
}

// Command returns the origin of what a command does.
func Command(name string) Origin {
	return Origin{UserAgent: "toolkit-gateway " + name, Language: language.Chinese}
}

// Network is what a limit by address counts under: the address itself for IPv4, its /64 for
// IPv6, where one person commands a whole prefix.
func (c Origin) Network() string {
	if !c.Address.IsValid() {
		return "unknown"
	}

	// An IPv4 address in IPv6 form is itself, and not one of the network that all of these form.
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

// AddressOrNil is the address in the form that a nullable column takes.
func (c Origin) AddressOrNil() *netip.Addr {
	if !c.Address.IsValid() {
		return nil
	}

	a := c.Address.WithZone("")

	return &a
}

// Printable cuts a header to what may be stored and logged: valid UTF-8, no control characters,
// at most 256 bytes.
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
