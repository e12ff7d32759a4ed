package world

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// Probe is an operation that anybody may call with the name of somebody else.
type Probe struct {
	Name     string
	ByPhone  bool // the name is a number, not an address
	Password bool // its failures count with those that made locked so
	Ask      func(name string) Call
	Steps    []ProbeStep
}

// ProbeStep is one call of several, and what it answers: the status, or the code of the refusal.
type ProbeStep struct {
	Wait time.Duration // before it
	Want string
}

// GuessSteps are calls until failures have become costly twice.
func GuessSteps(refusal string) []ProbeStep {
	return slices.Concat(slices.Repeat([]ProbeStep{{0, refusal}}, FreeFailures), []ProbeStep{
		{0, "TOO_MANY_REQUESTS"}, {FirstWait - time.Second, "TOO_MANY_REQUESTS"}, {time.Second, refusal}, {0, "TOO_MANY_REQUESTS"},
	})
}

// SendSteps are calls until the destination has had as many codes as it gets in an hour.
func SendSteps(success string) []ProbeStep {
	const again = time.Minute

	return []ProbeStep{
		{again, success}, {0, "TOO_MANY_REQUESTS"}, {again - time.Second, "TOO_MANY_REQUESTS"}, {time.Second, success},
		{again, success}, {again, success}, {again, success}, {again, "TOO_MANY_REQUESTS"},
	}
}

var ToolkitProbes = []Probe{
	{Name: "login", Password: true, Ask: func(email string) Call { return LoginCall(email, "wrong") }, Steps: GuessSteps("INVALID_CREDENTIALS")},
	{Name: "send-code", Ask: sendCodeCall, Steps: SendSteps("200")},
	{Name: "register", Ask: func(email string) Call { return RegisterCall(email, apptest.Password, "000000") }, Steps: GuessSteps("CODE_INVALID")},
}

var PublicProbes = []Probe{
	{Name: "login", Password: true, Ask: func(email string) Call { return SignInCall(email, "wrong") }, Steps: GuessSteps("INVALID_CREDENTIALS")},
	{Name: "login-totp", Ask: func(email string) Call { return TOTPCall(email, "000000") }, Steps: GuessSteps("CODE_INVALID")},
	{
		Name: "login-totp with a recovery code",
		Ask:  func(email string) Call { return TOTPCall(email, "AAAAA-AAAAA-AAAAA-AAAAA") }, Steps: GuessSteps("CODE_INVALID"),
	},
	{Name: "login-sms send", ByPhone: true, Ask: smsCodeCall, Steps: SendSteps("204")},
	{Name: "login-sms", ByPhone: true, Ask: func(phone string) Call { return SMSCall(phone, "000000") }, Steps: GuessSteps("CODE_INVALID")},
	{Name: "forget_code", Ask: forgetCall, Steps: SendSteps("204")},
	{Name: "forget_reset", Ask: func(email string) Call { return ResetCall(email, "000000", NewPassword) }, Steps: GuessSteps("CODE_INVALID")},
}

// Subject is what the inquiry calls the people of a class.
func (i Probe) Subject(class string) string {
	if i.ByPhone {
		return PhoneOfClass(class)
	}

	return AddressOfClass(class)
}

// ControlClass is the class that another one has to be like: nobody, and for who is slowed down already
// nobody who is, too.
func (i Probe) ControlClass(class string) string {
	if i.Password && class == classLocked {
		return ClassHammered
	}

	return ClassUnknown
}

// ComparedClasses are the classes that answer like their control.
func (i Probe) ComparedClasses() []string {
	return slices.DeleteFunc(slices.Clone(Classes), func(class string) bool {
		return class == ClassUnknown || i.Password && class == ClassHammered
	})
}

// Observation is what one call shows: the answer to everybody, the statements to who has a good clock.
type Observation struct {
	Reply
	Statements []string
}

// Inquire makes the inquiry about the class.
func (c *Population) Inquire(tb testing.TB, i Probe, class string) Observation {
	tb.Helper()

	return c.Show(tb, i.Ask(i.Subject(class)).FromBrowser(c.Visitor))
}

// Show makes the call.
func (c *Population) Show(tb testing.TB, one Call) Observation {
	tb.Helper()
	c.Statements.Take()

	got := one.To(tb, c.Server)

	return Observation{got, WithoutChores(c.Statements.Take())}
}

// Is says that a step wants this answer.
func (s Observation) Is(want string) bool {
	return want == s.Problem.Code || want == strconv.Itoa(s.Status)
}

// ExpectLike wants nobody to tell it from the control.
func (s Observation) ExpectLike(t *testing.T, what string, control Observation) {
	t.Helper()

	if s.Outside() != control.Outside() {
		t.Errorf("%s is answered\n%s\nand the control\n%s", what, s.Outside(), control.Outside())
	}

	if !slices.Equal(s.Statements, control.Statements) {
		t.Errorf("%s costs %q, and the control %q", what, s.Statements, control.Statements)
	}
}
