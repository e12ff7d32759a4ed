package smtptest

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is the conversation on one connection.
type session struct {
	sink *Sink
	conn *smtp.Conn

	user       string
	from       string
	recipients []string
	cut        bool // close the connection at the next reset
}

func (s *Sink) session(conn *smtp.Conn) (smtp.Session, error) {
	return &session{sink: s, conn: conn}, nil
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if s.sink.options.Username == "" {
		return nil
	}

	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != s.sink.options.Username || password != s.sink.options.Password {
			return smtp.ErrAuthFailed
		}

		s.user = username

		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.sink.options.Username != "" && s.user == "" {
		return smtp.ErrAuthRequired
	}

	s.from = from

	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch conduct, _ := s.sink.now(); conduct {
	case Busy:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Busy, try later"}
	case Refuses:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such person"}
	}

	s.recipients = append(s.recipients, to)

	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err //nolint:wrapcheck // the library does not log it
	}

	_, secure := s.conn.TLSConnectionState()
	message := Message{From: s.from, Recipients: s.recipients, User: s.user, TLS: secure, Hello: s.conn.Hostname(), Data: data}

	switch conduct, changed := s.sink.now(); conduct {
	case Accepts:
		s.sink.keep(message)
	case CutsBehind:
		s.sink.keep(message)
		s.cut = true
	case Cuts:
		s.sink.keep(message)
		s.conn.Conn().Close()
	case Hangs:
		s.sink.hang(changed)
		s.conn.Conn().Close()
	case ShutsDown:
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Shutting down"}
	case Quotes:
		return &smtp.SMTPError{
			Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: fmt.Sprintf("Not taken: \x00\x1b[2J%s", line(data)),
		}
	default:
		return errors.New("not now")
	}

	return nil
}

// line returns the first line of the text that begins like the line with a code.
func line(data []byte) []byte {
	for one := range bytes.Lines(data) {
		if bytes.HasPrefix(one, []byte("    ")) {
			return bytes.TrimSpace(one)
		}
	}

	return nil
}

// Reset implements smtp.Session. The library calls it after it has sent its response.
func (s *session) Reset() {
	if s.cut {
		s.conn.Conn().Close()
	}

	s.from, s.recipients = "", nil
}

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }
