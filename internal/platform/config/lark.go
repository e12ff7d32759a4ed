package config

import (
	"net/url"
	"regexp"
	"slices"

	"github.com/konec/toolkit-gateway/internal/platform/appredirect"
)

var larkApp = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// larkFaults are those of the settings for sign-in with Lark.
func (c Config) larkFaults() (f faults) {
	f.require(c.ConsoleURL == c.PublicURL || isAddress(c.ConsoleURL, "https", "http"), "CONSOLE_URL: not of the form https://host/path")

	_, err := appredirect.Parse(c.AppRedirectURIs)
	f.require(err == nil, "APP_REDIRECT_URIS: each must be https://host/path, scheme:/path with a dot or a dash in the scheme, or http://127.0.0.1/path")

	if c.LarkAppID == "" && c.LarkAppSecret == "" {
		return f
	}

	f.require(larkApp.MatchString(c.LarkAppID) && c.LarkAppSecret != "", "LARK_APP_ID and LARK_APP_SECRET: both are required, or neither")

	schemes := []string{"https"}
	if c.Mode == Development {
		schemes = append(schemes, "http") // in release mode the network could read the secret of the app
	}

	for name, address := range map[string]string{"LARK_URL": c.LarkURL, "LARK_AUTHORIZE_URL": c.LarkAuthorizeURL} {
		f.require(isAddress(address, schemes...), "%s: not of the form https://host/path", name)
	}

	return f
}

// isAddress reports whether the address is one of the schemes, a host and perhaps a path, and nothing else.
func isAddress(address string, schemes ...string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return false
	}

	return slices.Contains(schemes, u.Scheme)
}
