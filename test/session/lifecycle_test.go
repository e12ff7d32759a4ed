package session_test

import (
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// outstanding lists every credential that an account may have, in the order in which they are tried: a later one must
// not depend on an earlier one. The two browsers and the two apps have a session each. Pending changes were requested
// in the other browser, and are completed in one that has just signed in or, if that is impossible, in this one.
var outstanding = []struct {
	what  string
	works func(*testing.T, *lifecycleUser) bool
}{
	{"this browser's cookie", cookie(ofThisBrowser)},
	{"its refresh code", refreshCode(ofThisBrowser)},
	{"its XSRF value", xsrfValue(ofThisBrowser)},
	{"the other browser's cookie", cookie(ofOtherBrowser)},
	{"its refresh code", refreshCode(ofOtherBrowser)},
	{"its XSRF value", xsrfValue(ofOtherBrowser)},
	{"this app's access token", accessToken(ofThisApp)},
	{"its refresh token", refreshToken(ofThisApp)},
	{"the other app's access token", accessToken(ofOtherApp)},
	{"its refresh token", refreshToken(ofOtherApp)},

	{"the code by SMS", smsCode},
	{"the authenticator app", authenticatorApp},
	{"a recovery code", recoveryCode},
	{"the Lark identity", larkIdentity},
	{"the password", oldPassword},

	{"the secret asked for", pendingTOTP},
	{"the code to a phone asked for", phoneCode},
	{"the code to an address asked for", emailCode},
	{"the code to register an address", registrationCode},
	{"the reset code", resetCode}, // last, because a reset ends everything
}

// lifecycle is one row: the credentials that work after an event. A plus stands for one that works, a minus for one
// that does not.
type lifecycle struct {
	event  string
	happen func(*testing.T, *lifecycleUser)
	works  string
}

// lifecycles are the rows for events. The columns are those of outstanding: the cookie, a refresh code and the XSRF value
// of this browser (H) and the other (T); the access and the refresh token of this app (a) and the other (o); the code by
// SMS (S), the authenticator app (A), a recovery code (R), the Lark identity (L) and the password (P); the pending secret
// (t), phone (p) and address (e); the code to register the address that the account moves to in one row (r); and the reset
// code (x).
//
// The rules behind it (contract, "Settled points"; security.md, R-A10, R-C4, R-F10, R-H9, R-I4, V-11):
//   - the credentials of a session live and end with it, on both surfaces alike;
//   - a changed or reset password and a disabled account end the other sessions, or all of them, and void everything else
//     that is outstanding, because a thief with a session, or with a view of the messages, may know it;
//   - ending sessions ends only those: if it did more, a thief could keep the owner from coming back;
//   - a code is bound to the destination to which it was sent, and works for no other;
//   - a factor that is removed or replaced signs no one in, and neither does what stands in for it; a recovery code works
//     behind a password only;
//   - where two factors are asked for, one alone signs no one in, and a session that was opened with one changes no factor;
//   - everything else changes nothing, and neither does a request for a reset.
var lifecycles = []lifecycle{
	//                                                    HHH TTT aa oo  SARLP tpe r x
	{"nothing", func(*testing.T, *lifecycleUser) {}, "        +++ +++ ++ ++  +++++ +++ + +"},

	{"the password is changed", changePassword, "         +++ --- -- --  -+++- --- + -"},
	{"the password is reset", resetPassword, "            --- --- -- --  --+-- --- + -"}, // it suspends what was bound lately

	{"this browser signs out", signOut, "                 --- +++ ++ ++  +++++ +++ + +"},
	{"it signs out twice", signOutTwice, "                --- +++ ++ ++  +++++ +++ + +"},
	{"this app logs out", logout, "                       +++ +++ -- ++  +++++ +++ + +"},
	{"it signs in again", signInAgain, "                  --- +++ ++ ++  +++++ +++ + +"},
	{"another user signs in there", signInAsOther, "           --- +++ ++ ++  +++++ +++ + +"},

	{"this browser ends the other", thisBrowserEndsOther, "      +++ --- ++ ++  +++++ +++ + +"},
	{"this browser ends the other app", thisBrowserEndsOtherApp, "  +++ +++ ++ --  +++++ +++ + +"},
	{"this app ends the other", thisAppEndsOtherApp, "           +++ +++ ++ --  +++++ +++ + +"},
	{"this app ends the other browser", thisAppEndsOtherBrowser, "   +++ --- ++ ++  +++++ +++ + +"},
	{"this browser ends all others", thisBrowserEndsOthers, "       +++ --- -- --  +++++ +++ + +"},
	{"this app ends all others", thisAppEndsOthers, "            --- --- ++ --  +++++ +++ + +"},

	{"the account is disabled", disableAccount, "         --- --- -- --  ----- --- + -"},
	{"it is disabled and enabled", enableAgain, "         --- --- -- --  -++++ --- + -"},
	{"the account is deleted", deleteAccount, "           --- --- -- --  ----- --- + -"}, // in the database, because no operation deletes at once

	{"the group is changed", changeGroup, "               +++ +++ ++ ++  +++++ +++ + +"},
	{"to one with a second factor", moveToSecondFactorGroup, "         +++ +++ ++ ++  --+-- --- + +"},

	{"the address is changed", changeEmail, "             +++ +++ ++ ++  +++++ ++- - -"},
	{"a phone is bound", bindPhone, "                     +++ +++ ++ ++  -++++ +++ + +"},
	{"the phone is removed", removePhone, "               +++ +++ ++ ++  -++++ +++ + +"},
	{"another app is bound", bindTOTP, "                  +++ +++ ++ ++  +--++ -++ + +"},
	{"the app is removed", removeTOTP, "                  +++ +++ ++ ++  +--++ -++ + +"},
	{"recovery codes are made anew", renewCodes, "        +++ +++ ++ ++  ++-++ +++ + +"},
	{"another Lark is bound", bindLark, "                 +++ +++ ++ ++  +++-+ +++ + +"},
	{"Lark is removed", removeLark, "                     +++ +++ ++ ++  +++-+ +++ + +"},
}

// timedLifecycles are the rows for what time does. They use a gateway of their own, whose clock moves and
// where an account has at most three sessions of each kind. TestBrowserSessionEnds shows the absolute end of a browser's
// session.
var timedLifecycles = []lifecycle{
	{"nothing", func(*testing.T, *lifecycleUser) {}, "        +++ +++ ++ ++  +++++ +++ + +"},
	{"a refresh token is used again", reuseRefreshToken, "            +++ +++ -- ++  +++++ +++ + +"},
	{"too many browsers sign in", exceedBrowserLimit, "             +++ --- ++ ++  +++++ +++ + +"},
	{"too many apps sign in", exceedAppLimit, "              +++ +++ ++ --  +++++ +++ + +"},
	{"15 seconds pass", advance(15 * time.Second), "        +-+ +-+ ++ ++  +++++ +++ + +"},
	{"5 minutes pass", advance(5 * time.Minute), "          +-+ +-+ ++ ++  -++++ --+ + +"},
	{"10 minutes pass", advance(10 * time.Minute), "        +-+ +-+ ++ ++  -++++ --- - -"},
	{"an hour passes", advance(time.Hour + 5*time.Second), "+-+ +-+ -+ -+  -++++ --- - -"},
	{"2 hours pass", advance(2 * time.Hour), "              --- --- -+ -+  -++++ --- - -"},
	{"30 days pass", advance(30 * 24 * time.Hour), "        --- --- -- --  -++++ --- - -"},
	{"180 days pass, with refreshes", refreshedForLong, " --- --- -- --  -++++ --- - -"},
}

// T-31, V-11; R-A10, R-C4, R-F8, R-F10, R-H2, R-H9, R-H10, R-I4: every credential of an account ends with what it
// stands for, and only then.
func TestCredentialLifecycles(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t, world.WithoutNetworkLimits)
	replica := g.Serve(t)
	g.Clock.Stop() // so that nothing expires
	g.Exec(t, "UPDATE member_group SET requires_totp = true WHERE name = 'Tester'")

	for _, row := range lifecycles {
		t.Run(strings.ReplaceAll(row.event, " ", "_"), func(t *testing.T) {
			t.Parallel()
			row.check(t, newLifecycleUser(t, g, f, replica))
		})
	}
}

// T-31, R-F8, R-H10: the rows run one after the other, because they share the clock.
func TestTimedCredentialLifecycles(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t, world.WithoutNetworkLimits, func(c *apptest.Settings) { c.SessionLimit = 3 })
	replica := g.Serve(t)
	g.Clock.Stop()

	for _, row := range timedLifecycles {
		t.Run(strings.ReplaceAll(row.event, " ", "_"), func(t *testing.T) {
			row.check(t, newLifecycleUser(t, g, f, replica))
		})
	}
}

func (c lifecycle) check(t *testing.T, u *lifecycleUser) {
	t.Helper()

	leaves := strings.ReplaceAll(c.works, " ", "")
	if len(leaves) != len(outstanding) {
		t.Fatalf("%d columns, want %d", len(leaves), len(outstanding))
	}

	c.happen(t, u)

	for i, one := range outstanding {
		if want := leaves[i] == '+'; one.works(t, u) != want {
			t.Errorf("%s: column %d, %s: works %t, want %t", c.event, i+1, one.what, !want, want)
		}
	}
}
