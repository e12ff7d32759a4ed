package delivery

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// SMTP sends mail through one server.
type SMTP struct {
	client *mail.Client
	from   string
	domain string // of the sender, and of the Message-ID
}

// NewSMTP parses smtp://[user:password@]host[:port] (STARTTLS is required, port 587) or smtps://… (TLS from the start,
// port 465). ?tls=optional or ?tls=none after smtp:// is for a relay on the same machine. from is the sender, as in
// "Toolkit <no-reply@example.com>". hello is the name with which this machine introduces itself; empty for its own name.
func NewSMTP(rawURL, from, hello string) (*SMTP, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" {
		// The parser's message quotes the URL, and with it the password.
		return nil, errors.New("not of the form smtp://user:password@host:port")
	}

	options := []mail.Option{mail.WithTimeout(15 * time.Second)}

	switch mode := u.Scheme + " " + u.Query().Get("tls"); mode {
	case "smtps ":
		options = append(options, mail.WithSSL(), mail.WithPort(465))
	case "smtp ", "smtp required":
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory), mail.WithPort(587))
	case "smtp optional":
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic), mail.WithPort(25))
	case "smtp none":
		options = append(options, mail.WithTLSPolicy(mail.NoTLS), mail.WithPort(25))
	default:
		return nil, fmt.Errorf("scheme %q is neither smtp nor smtps, or tls is none of required, optional, none", u.Scheme)
	}

	if u.Port() != "" {
		port, err := strconv.Atoi(u.Port())
		if err != nil {
			return nil, errors.New("the port is not a number")
		}

		options = append(options, mail.WithPort(port))
	}

	if password, set := u.User.Password(); set {
		options = append(options,
			mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}

	if hello != "" {
		options = append(options, mail.WithHELO(hello))
	}

	client, err := mail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("smtp client: %w", err)
	}

	sender, err := netmail.ParseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("sender address: %w", err)
	}

	_, domain, _ := strings.Cut(sender.Address, "@")

	return &SMTP{client: client, from: from, domain: domain}, nil
}

// Send makes one attempt: one connection, one recipient.
func (s *SMTP) Send(ctx context.Context, message Outgoing) error {
	m, err := s.compose(message)
	if err != nil {
		return err
	}

	err = s.client.DialAndSendWithContext(ctx, m)
	if m.IsDelivered() {
		// The server has accepted the message; a connection that fails after that is not a reason to send it twice.
		return nil
	}

	if refused(err) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}

	if err != nil {
		return fmt.Errorf("smtp: %w", err)
	}

	return nil
}

func (s *SMTP) compose(message Outgoing) (*mail.Msg, error) {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent()) // no one needs to know the library and its version
	if err := m.From(s.from); err != nil {
		return nil, fmt.Errorf("%w: sender: %w", ErrRefused, err)
	}

	if err := m.To(message.To); err != nil {
		return nil, fmt.Errorf("%w: recipient: %w", ErrRefused, err)
	}

	m.Subject(message.Subject)
	m.SetDateWithValue(message.At)
	m.SetMessageIDWithValue(message.ID + "@" + s.domain)
	// No automatic replies, please (RFC 3834).
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetBodyString(mail.TypeTextPlain, message.Text)
	m.AddAlternativeString(mail.TypeTextHTML, message.HTML)

	return m, nil
}

// refused reports whether the server rejected the message itself with a 5xx: for example, the address does not exist. A
// server that is unavailable, full, or misconfigured may accept it later.
func refused(err error) bool {
	sendError, ok := errors.AsType[*mail.SendError](err)

	return ok && !sendError.IsTemp() && sendError.ErrorCode() >= 550 && sendError.ErrorCode() <= 559
}
