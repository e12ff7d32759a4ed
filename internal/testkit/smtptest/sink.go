// Package smtptest is a mail server for tests: it speaks SMTP on a real socket, stores what it receives, byte for byte,
// and misbehaves as the test asks. Only tests import it.
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

// The kinds of TLS.
const (
	Plain    TLS = iota // none
	StartTLS            // after the command STARTTLS (RFC 3207)
	Implicit            // from the first byte (RFC 8314)
)

// Conduct is how the sink treats an attempt.
type Conduct int

// The conducts. A message is stored only if the conduct says so.
const (
	Accepts    Conduct = iota // stores the message and confirms it
	Gone                      // closes the connection without a response
	Busy                      // 451 at the recipient: try again later
	Refuses                   // 550 at the recipient: no such user
	Quotes                    // 554 at the end of the message, with a quoted line of it
	Hangs                     // reads the message and does not respond until the conduct changes
	ShutsDown                 // reads the message and responds with 421
	Cuts                      // stores the message and closes the connection without a response
	CutsBehind                // stores the message, confirms it, and closes the connection before QUIT
)

// Options are the options of New.
type Options struct {
	TLS      TLS
	Username string // with Password, required before anything else
	Password string
	Listener net.Listener // where it listens; a port of this machine if it is nil
}

// Sink is a mail server.
type Sink struct {
	Roots *x509.CertPool // the certificate's root

	options  Options
	address  string
	mu       sync.Mutex
	conduct  Conduct
	changed  chan struct{} // is closed when the conduct changes
	attempts int
	hanging  int
	messages []Message
}

// New starts a Sink. It stops when the test ends.
func New(tb testing.TB, o Options) *Sink {
	tb.Helper()

	listener := o.Listener
	if listener == nil {
		var err error
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			tb.Fatal(err)
		}
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

	served := net.Listener(countingListener{listener, s})
	if o.TLS == Implicit {
		served = tls.NewListener(served, server.TLSConfig)
	}

	ended := make(chan struct{})

	go func() {
		defer close(ended)

		_ = server.Serve(served)
	}()

	tb.Cleanup(func() {
		s.Set(Gone) // releases the sessions that hang
		server.Close()
		<-ended
	})

	return s
}

// certificate returns the certificate of httptest for 127.0.0.1.
func certificate() (tls.Certificate, *x509.CertPool) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()

	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())

	return server.TLS.Certificates[0], roots
}

// URL returns the value for SMTP_URL, with tls=none if the sink is Plain.
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

// Address returns the host and port.
func (s *Sink) Address() string { return s.address }

// Set changes the conduct, also of attempts under way.
func (s *Sink) Set(c Conduct) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.conduct = c
	close(s.changed)
	s.changed = make(chan struct{})
}

// Attempts returns the number of connections so far.
func (s *Sink) Attempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.attempts
}

// Hanging returns how many attempts wait for a response now.
func (s *Sink) Hanging() int {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.hanging
}

// Messages returns the stored messages, oldest first.
func (s *Sink) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()

	return append([]Message(nil), s.messages...)
}

// To returns the stored messages to a recipient.
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

// now returns the conduct, and a channel that is closed when it changes.
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

// hang waits until the conduct changes.
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

// countingListener counts connections, and closes them at once while the sink is Gone.
type countingListener struct {
	net.Listener

	sink *Sink
}

func (d countingListener) Accept() (net.Conn, error) {
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
