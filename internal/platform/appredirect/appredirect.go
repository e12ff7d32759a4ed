// Package appredirect knows the addresses at which the server hands a browser back to an app (RFC 8252, section 7).
package appredirect

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
)

// List are the addresses of all apps.
type List []*url.URL

var errForm = errors.New("not an https address, a scheme of the app's own, or a loopback address")

// Parse reads a list of addresses: https://host/path, a scheme of the app's own such as toolkit-studio:/path, or
// http://127.0.0.1/path for any port of the loopback interface. A fragment is refused.
func Parse(texts []string) (List, error) {
	list := make(List, len(texts))

	for i, text := range texts {
		address, err := url.Parse(text)
		if err != nil || strings.Contains(text, "#") || !sound(address) {
			return nil, errForm
		}

		list[i] = address
	}

	return list, nil
}

// sound refuses http to other machines, which others could read, and the schemes that browsers themselves handle. A private
// scheme has a dot or a dash, so that it is not one that a system knows (RFC 8252, section 7.1).
func sound(address *url.URL) bool {
	switch address.Scheme {
	case "https":
		return address.Host != "" && address.User == nil
	case "http":
		return isLoopback(address) && address.User == nil
	}

	return strings.ContainsAny(address.Scheme, ".-") && address.User == nil
}

func isLoopback(address *url.URL) bool {
	ip := net.ParseIP(address.Hostname())

	return ip != nil && ip.IsLoopback()
}

// Allows reports whether an address is one of the list, character by character. Of a loopback address the port may be any.
func (l List) Allows(text string) bool {
	address, err := url.Parse(text)
	if err != nil || strings.Contains(text, "#") {
		return false
	}

	return slices.ContainsFunc(l, func(one *url.URL) bool {
		if one.Scheme != "http" {
			return one.String() == text
		}

		anyPort := *address
		anyPort.Host = hostWithPort(address.Hostname(), one.Port())

		return isLoopback(address) && anyPort.String() == one.String()
	})
}

func hostWithPort(host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}

	if port == "" {
		return host
	}

	return host + ":" + port
}
