package httpapi

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// proxyAlarm is how long a forgotten proxy is shown in /readyz?verbose, and the time between two warnings of it.
const proxyAlarm = time.Hour

// proxies are the reverse proxies in front: what they say about a request is believed.
type proxies struct {
	trusted []netip.Prefix
	log     *slog.Logger
	now     func() time.Time
	warned  atomic.Pointer[time.Time]
	seen    atomic.Pointer[time.Time]
}

// peerOf returns the address at the other end of the connection.
func peerOf(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}

	return peer.Addr().Unmap()
}

func (p *proxies) trust(address netip.Addr) bool {
	address = address.WithZone("")

	return slices.ContainsFunc(p.trusted, func(network netip.Prefix) bool { return network.Contains(address) })
}

// client returns the address of the client: the right-most address in X-Forwarded-For that is not a proxy's, if the peer
// is a proxy, else the peer's. Nothing to the left of a text that is not an address is believed.
func (p *proxies) client(r *http.Request) netip.Addr {
	peer := peerOf(r)

	chain := r.Header.Values("X-Forwarded-For")
	if len(chain) == 0 {
		return peer
	}

	if !p.trust(peer) {
		p.suspect(r, peer)

		return peer
	}

	hops := strings.Split(strings.Join(chain, ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		if hop == "" {
			continue
		}

		address, valid := parseHop(hop)
		if !valid {
			break
		}

		if !p.trust(address) {
			return address
		}
	}

	return peer
}

// parseHop reads an address as proxies write it: alone, or with a port, as those of Azure do.
func parseHop(text string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil || strings.HasPrefix(text, "[") != strings.HasSuffix(text, "]") {
		with, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}

		address = with.Addr()
	}

	return address.Unmap().WithZone(""), true
}

// suspect notes a request from inside, whose peer says that it forwards for another and is not in the list: without the
// entry all users share the peer's address, and a hundred failures of one lock out all.
func (p *proxies) suspect(r *http.Request, peer netip.Addr) {
	if !peer.IsLoopback() && !peer.IsPrivate() && !peer.IsLinkLocalUnicast() {
		return // a client that invents the header
	}

	now := p.now()
	p.seen.Store(&now)

	last := p.warned.Load()
	if last != nil && now.Sub(*last) < proxyAlarm || !p.warned.CompareAndSwap(last, &now) {
		return
	}

	p.log.WarnContext(r.Context(), "a request with X-Forwarded-For came from a peer that is not in TRUSTED_PROXIES: "+
		"all users behind that proxy share its address and the limits of one network. Add the proxy to TRUSTED_PROXIES",
		"peer", peer.String())
}

// check shows a forgotten proxy in readiness: limits misbehave meanwhile, and requests are still answered.
func (p *proxies) check() Check {
	if p.forgotten() {
		return Check{Name: "proxies", State: "warning", Detail: "a request with X-Forwarded-For came from a peer that TRUSTED_PROXIES does not name"}
	}

	return Check{Name: "proxies", State: OK}
}

// forgotten reports whether such a request came within the last hour.
func (p *proxies) forgotten() bool {
	seen := p.seen.Load()

	return seen != nil && p.now().Sub(*seen) < proxyAlarm
}
