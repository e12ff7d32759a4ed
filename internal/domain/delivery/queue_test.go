package delivery

import "testing"

// REL-D8: a message with a code is in the queue of its channel, every other one among the notices, behind them.
func TestQueueOfAMessage(t *testing.T) {
	t.Parallel()

	code := Content{Code: "042137"}

	for name, one := range map[string]struct {
		message  Message
		queue    string
		priority int
	}{
		"Registration": {Message{Kind: RegistrationCode, Channel: Mail, Content: code}, MailCodes, codePriority},
		"Reset":        {Message{Kind: ResetCode, Channel: Mail, Content: Content{Code: "042137", Link: "https://x"}}, MailCodes, codePriority},
		"Email":        {Message{Kind: EmailCode, Channel: Mail, Content: code}, MailCodes, codePriority},
		"SignIn":       {Message{Kind: SignInCode, Channel: SMS, Content: code}, SMSCodes, codePriority},
		"Phone":        {Message{Kind: PhoneCode, Channel: SMS, Content: code}, SMSCodes, codePriority},
		"Notice":       {Message{Kind: NewDevice, Channel: Mail}, Notices, noticePriority},
		"Undo":         {Message{Kind: EmailChanged, Channel: Mail, Content: Content{Link: "https://x"}}, Notices, noticePriority},
		"Invitation":   {Message{Kind: Invitation, Channel: Mail}, Notices, noticePriority},
	} {
		if got := inserted(one.message); got.Queue != one.queue || got.Priority != one.priority {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
