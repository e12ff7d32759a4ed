package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
)

var larkApp = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// larkFaults are what cannot work among the settings of signing in with Lark.
func (c Config) larkFaults() []error {
	var faults []error

	if c.ConsoleURL != c.PublicURL && !isAddress(c.ConsoleURL, "https", "http") {
		faults = append(faults, errors.New("CONSOLE_URL: not of the form https://host/path"))
	}

	if c.LarkAppID == "" && c.LarkAppSecret == "" {
		return faults
	}

	if !larkApp.MatchString(c.LarkAppID) || c.LarkAppSecret == "" {
		faults = append(faults, errors.New("LARK_APP_ID and LARK_APP_SECRET: both are required, or neither"))
	}

	schemes := []string{"https"}
	if c.Mode == Development {
		schemes = append(schemes, "http") // the secret of the app would be there for everybody on the way to read
	}

	for name, address := range map[string]string{"LARK_URL": c.LarkURL, "LARK_AUTHORIZE_URL": c.LarkAuthorizeURL} {
		if !isAddress(address, schemes...) {
			faults = append(faults, fmt.Errorf("%s: not of the form https://host/path", name))
		}
	}

	return faults
}

// isAddress says that the address has one of the schemes, and nothing but a host and a path besides.
func isAddress(address string, schemes ...string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return false
	}

	for _, scheme := range schemes {
		if u.Scheme == scheme {
			return true
		}
	}

	return false
}
