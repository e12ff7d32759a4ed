package httpapi

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// isLocal reports whether the request names this machine in Host: localhost, a name under it, or a loopback address. A
// page of another site cannot send such a request by giving its own name our address (DNS rebinding): no one can own
// these names (RFC 6761, section 6.3).
func isLocal(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}

	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}

	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))

	return err == nil && address.IsLoopback()
}

// Local reports it for the request of ctx.
func Local(ctx context.Context) bool {
	info := infoOf(ctx)

	return info != nil && isLocal(info.request)
}

// OnlyLocal serves only requests that name this machine. For others the page does not exist.
func (p *Pipeline) OnlyLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r) {
			p.Fail(w, r, problem.ErrNotFound)

			return
		}

		next.ServeHTTP(w, r)
	})
}
