package session

import (
	"slices"
	"strings"
)

// Methods are how a user signed in, or confirmed a session, as the claim amr names them (RFC 8176, section 2).
type Methods []string

// The methods. Two are the two factors that a member group or a user may ask for.
const (
	ByPassword = "pwd"
	BySMS      = "sms"
	ByMail     = "email" // a code by mail; RFC 8176 has no name for it
	ByTOTP     = "otp"   // an authenticator app or a recovery code
	ByLark     = "lark"

	both = "mfa"
)

// TwoFactors returns the methods of a sign-in with two factors.
func TwoFactors(first, second string) Methods { return Methods{first, second, both} }

// HaveTwoFactors reports whether they are two factors.
func (m Methods) HaveTwoFactors() bool { return slices.Contains(m, both) }

// String lists them, for the audit log.
func (m Methods) String() string { return strings.Join(m, "+") }
