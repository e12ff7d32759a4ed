// Package smtptest is a mail server for tests: it speaks SMTP on a real socket, keeps what it was
// given, byte for byte, and behaves as badly as it is told to. Only tests import it.
package smtptest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// TLS is what the sink offers.
type TLS int

// The ways of TLS.
const (
	Plain    TLS = iota // none
	StartTLS            // after the command of that name (RFC 3207)
	Implicit            // from the first byte (RFC 8314)
)

// Conduct is how the sink treats an attempt.
type Conduct int

// The conducts. A message is kept only where it says so.
const (
	Accepts    Conduct = iota // keeps the message, and says so
	Gone                      // ends the connection before a word
	Busy                      // 451 at the recipient: try later
	Refuses                   // 550 at the recipient: there is no such person
	Quotes                    // 554 at the end of the message, and repeats a line of it
	Hangs                     // reads the message, and says nothing until the conduct changes
	ShutsDown                 // reads the message, and says 421
	Cuts                      // keeps the message, and ends the connection without a word
	CutsBehind                // keeps the message, says so, and ends the connection before QUIT
)

// Options are what New is told.
type Options struct {
	TLS      TLS
	Username string // with Password, asked for before anything else
	Password string
}

// Sink is the server.
type Sink struct {
	Roots *x509.CertPool // that its certificate chains to

	options  Options
	address  string
	mu       sync.Mutex
	conduct  Conduct
	changed  chan struct{} // closed when the conduct changes
	attempts int
	hanging  int
	messages []Message
}

// New starts a Sink on a port of this machine. It ends with the test.
func New(tb testing.TB, o Options) *Sink {
	tb.Helper()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}

	s := &Sink{options: o, address: listener.Addr().String(), changed: make(chan struct{})}

	server := smtp.NewServer(smtp.BackendFunc(s.session))
	server.Domain = "sink.test"
	server.AllowInsecureAuth = true
	server.ErrorLog = log.New(io.Discard, "", 0)

	if o.TLS != Plain {
		certificate, roots := certificate()
		s.Roots = roots
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	}

	served := net.Listener(door{listener, s})
	if o.TLS == Implicit {
		served = tls.NewListener(served, server.TLSConfig)
	}

	ended := make(chan struct{})

	go func() {
		defer close(ended)

		_ = server.Serve(served)
	}()

	tb.Cleanup(func() {
		s.Set(Gone) // lets go of those that hang
		server.Close()
		<-ended
	})

	return s
}

// certificate is the one that httptest serves 127.0.0.1 with.
func certificate() (tls.Certificate, *x509.CertPool) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()

	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())

	return server.TLS.Certificates[0], roots
}

// URL is what SMTP_URL takes: with the tls=none that a Plain sink needs.
func (s *Sink) URL() string {
	switch s.options.TLS {
	case Implicit:
		return "smtps://" + s.user() + s.address
	case StartTLS:
		return "smtp://" + s.user() + s.address
	default:
		return "smtp://" + s.user() + s.address + "?tls=none"
	}
}

func (s *Sink) user() string {
	if s.options.Username == "" {
		return ""
	}

	return s.options.Username + ":" + s.options.Password + "@"
}

// Address is the host and port.
func (s *Sink) Address() string { return s.address }

// Set changes the conduct, of attempts under way too.
func (s *Sink) Set(c Conduct) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.conduct = c
	close(s.changed)
	s.changed = make(chan struct{})
}

// Attempts is how many connections there were.
func (s *Sink) Attempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.attempts
}

// Hanging is how many attempts wait for an answer now.
func (s *Sink) Hanging() int {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.hanging
}

// Messages answers what was kept, oldest first.
func (s *Sink) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()

	return append([]Message(nil), s.messages...)
}

// To answers what was kept for a recipient.
func (s *Sink) To(recipient string) []Message {
	var found []Message

	for _, message := range s.Messages() {
		for _, one := range message.Recipients {
			if one == recipient {
				found = append(found, message)
			}
		}
	}

	return found
}

// now answers the conduct, and a channel that is closed when it changes.
func (s *Sink) now() (Conduct, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.conduct, s.changed
}

func (s *Sink) keep(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.messages = append(s.messages, m)
}

// hang waits until the conduct is another.
func (s *Sink) hang(changed <-chan struct{}) {
	s.count(1)
	<-changed
	s.count(-1)
}

func (s *Sink) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.hanging += n
}

// door counts who comes in, and closes itself on them where the sink is Gone.
type door struct {
	net.Listener

	sink *Sink
}

func (d door) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}

	d.sink.mu.Lock()
	defer d.sink.mu.Unlock()

	d.sink.attempts++

	if d.sink.conduct == Gone {
		conn.Close()
	}

	return conn, nil
}
