package world

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// Probe is an operation that anyone may call with another user's address or phone.
type Probe struct {
	Name     string
	ByPhone  bool // it names users by phone, not by address
	Password bool // its failures count together with those of the class locked
	Call     func(name string) Call
	Steps    []ProbeStep
}

// ProbeStep is one call of a sequence and its expected response: the status, or the code of the error.
type ProbeStep struct {
	Wait time.Duration // before the call
	Want string
}

// GuessSteps returns calls until failures have caused a delay twice.
func GuessSteps(refusal string) []ProbeStep {
	return slices.Concat(slices.Repeat([]ProbeStep{{0, refusal}}, FreeFailures), []ProbeStep{
		{0, "TOO_MANY_REQUESTS"}, {FirstWait - time.Second, "TOO_MANY_REQUESTS"}, {time.Second, refusal}, {0, "TOO_MANY_REQUESTS"},
	})
}

// WrongCodeSteps returns guesses that cause no delay: they count against the code and the network, never against the
// user.
func WrongCodeSteps() []ProbeStep {
	return slices.Repeat([]ProbeStep{{0, "CODE_INVALID"}}, FreeFailures+3)
}

// SendSteps returns calls until the destination has received as many codes as an hour allows.
func SendSteps(success string) []ProbeStep {
	const again = time.Minute

	return []ProbeStep{
		{again, success}, {0, "TOO_MANY_REQUESTS"}, {again - time.Second, "TOO_MANY_REQUESTS"}, {time.Second, success},
		{again, success}, {again, success}, {again, success}, {again, "TOO_MANY_REQUESTS"},
	}
}

// ToolkitProbes are the probes of the apps' surface.
var ToolkitProbes = []Probe{
	{Name: "login", Password: true, Call: func(email string) Call { return LoginCall(email, "wrong") }, Steps: GuessSteps("INVALID_CREDENTIALS")},
	{Name: "send-code", Call: sendCodeCall, Steps: SendSteps("200")},
	{Name: "register", Call: func(email string) Call { return RegisterCall(email, apptest.Password, "000000") }, Steps: WrongCodeSteps()},
	{Name: "login-totp", Call: func(email string) Call { return AppTOTPCall(email, "000000") }, Steps: GuessSteps("CODE_INVALID")},
	{Name: "login-sms send", ByPhone: true, Call: appSMSCodeCall, Steps: SendSteps("200")},
	{Name: "login-sms", ByPhone: true, Call: func(phone string) Call { return AppSMSCall(phone, "000000") }, Steps: GuessSteps("CODE_INVALID")},
	{Name: "login-email send", Call: appMailCodeCall, Steps: SendSteps("200")},
	{Name: "login-email", Call: func(email string) Call { return AppMailCall(email, "000000") }, Steps: GuessSteps("CODE_INVALID")},
	{Name: "forgot-password send", Call: appForgotCall, Steps: SendSteps("200")},
	{Name: "forgot-password", Call: func(email string) Call { return AppResetCall(email, "000000", NewPassword) }, Steps: WrongCodeSteps()},
}

// PublicProbes are the probes of the browsers' surface.
var PublicProbes = []Probe{
	{Name: "login", Password: true, Call: func(email string) Call { return SignInCall(email, "wrong") }, Steps: GuessSteps("INVALID_CREDENTIALS")},
	{Name: "login-totp", Call: func(email string) Call { return TOTPCall(email, "000000") }, Steps: GuessSteps("CODE_INVALID")},
	{
		Name: "login-totp with a recovery code",
		Call: func(email string) Call { return TOTPCall(email, "AAAAA-AAAAA-AAAAA-AAAAA") }, Steps: GuessSteps("CODE_INVALID"),
	},
	{Name: "login-sms send", ByPhone: true, Call: smsCodeCall, Steps: SendSteps("204")},
	{Name: "login-sms", ByPhone: true, Call: func(phone string) Call { return SMSCall(phone, "000000") }, Steps: GuessSteps("CODE_INVALID")},
	{Name: "login-email send", Call: mailCodeCall, Steps: SendSteps("204")},
	{Name: "login-email", Call: func(email string) Call { return MailCall(email, "000000") }, Steps: GuessSteps("CODE_INVALID")},
	{Name: "forget_code", Call: forgetCall, Steps: SendSteps("204")},
	{Name: "forget_reset", Call: func(email string) Call { return ResetCall(email, "000000", NewPassword) }, Steps: WrongCodeSteps()},
}

// Subject returns the address or the phone of a class, whichever the probe uses.
func (probe Probe) Subject(class string) string {
	if probe.ByPhone {
		return PhoneOfClass(class)
	}

	return AddressOfClass(class)
}

// ControlClass returns the class without an account that the class must look like. A class that is delayed already is
// compared with one that is delayed too.
func (probe Probe) ControlClass(class string) string {
	if probe.Password && class == classLocked {
		return ClassGuessed
	}

	return ClassUnknown
}

// ComparedClasses returns the classes that must look like their control class.
func (probe Probe) ComparedClasses() []string {
	return slices.DeleteFunc(slices.Clone(Classes), func(class string) bool {
		return class == ClassUnknown || probe.Password && class == ClassGuessed
	})
}

// Observation is what one call reveals: the response, and the statements, whose cost an attacker can time.
type Observation struct {
	Reply
	Statements []string
}

// Run calls the probe for a class.
func (p *Population) Run(tb testing.TB, probe Probe, class string) Observation {
	tb.Helper()

	return p.Observe(tb, probe.Call(probe.Subject(class)).FromBrowser(p.Visitor))
}

// Observe sends a call and returns what it reveals.
func (p *Population) Observe(tb testing.TB, one Call) Observation {
	tb.Helper()
	p.Statements.Take()

	got := one.To(tb, p.Server)

	return Observation{got, WithoutMaintenance(p.Statements.Take())}
}

// Matches reports whether the response is the expected one: a status, or the code of an error.
func (o Observation) Matches(want string) bool {
	return want == o.Problem.Code || want == strconv.Itoa(o.Status)
}

// ExpectSame checks that the observation does not differ from that of the control class.
func (o Observation) ExpectSame(t *testing.T, what string, control Observation) {
	t.Helper()

	if o.Visible() != control.Visible() {
		t.Errorf("%s: the response is\n%s\nand that of the control\n%s", what, o.Visible(), control.Visible())
	}

	if !slices.Equal(o.Statements, control.Statements) {
		t.Errorf("%s: the statements are %q, and those of the control %q", what, o.Statements, control.Statements)
	}
}
