// Package pgproxy is a proxy between a gateway and Postgres that breaks or holds connections at a chosen statement.
//
// It follows the framing of the protocol and reads the text of each statement, so that a test can name the very point at
// which a connection is lost. It never changes what it forwards.
package pgproxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Proxy forwards connections to a Postgres server and injects the faults that a test asks for.
type Proxy struct {
	URL             string // of the same database, through the proxy
	network, server string

	mu     sync.Mutex
	faults []*Fault
}

// Fault happens once, at the first statement that its point matches.
type Fault struct {
	at     Point
	action Action

	Reached chan struct{} // is closed when the statement is reached
	Release chan struct{} // the test closes it to let a held statement or response continue
}

// Point reports whether a statement, given the statements before it in its transaction, is the one to match.
type Point func(statement string, transaction []string) bool

// Action is what happens to the matched statement and its connection.
type Action int

// The actions of a fault.
const (
	CutBefore  Action = iota // the connection is cut, and the statement never reaches Postgres
	CutAfter                 // Postgres executes the statement, and the connection is cut before the response
	HoldBefore               // the statement waits until Release is closed, then continues
	HoldAfter                // Postgres executes the statement; the connection is cut, without the response, once Release is closed
)

// AtStatement returns a point that matches the query with this name in sql/queries.
func AtStatement(name string) Point {
	return func(statement string, _ []string) bool { return named(statement, name) }
}

// AtCommit returns a point that matches the COMMIT of a transaction in which the query with this name ran.
func AtCommit(name string) Point {
	return func(statement string, transaction []string) bool {
		return statement == "commit" && slices.ContainsFunc(transaction, func(s string) bool { return named(s, name) })
	}
}

func named(statement, name string) bool { return strings.HasPrefix(statement, "-- name: "+name+" ") }

// New starts a proxy in front of the server of databaseURL. The proxy stops when the test ends.
func New(t *testing.T, databaseURL string) *Proxy {
	t.Helper()

	config, err := pgconn.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal(err)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	through := url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: listener.Addr().String(),
		Path: "/" + config.Database, RawQuery: "sslmode=disable", // the proxy cannot read encrypted statements
	}

	p := &Proxy{URL: through.String()}
	p.network, p.server = pgconn.NetworkAddress(config.Host, config.Port)

	var connections sync.WaitGroup

	connections.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}

			connections.Go(func() { p.connect(client) })
		}
	})

	t.Cleanup(func() {
		_ = listener.Close()

		connections.Wait()
	})

	return p
}

// Inject adds a fault to the ones that wait for their statement.
func (p *Proxy) Inject(at Point, action Action) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()

	fault := &Fault{at: at, action: action, Reached: make(chan struct{}), Release: make(chan struct{})}
	p.faults = append(p.faults, fault)

	return fault
}

// take removes the first fault that matches the statement and returns it, or nil if none does.
func (p *Proxy) take(statement string, transaction []string) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()

	for i, fault := range p.faults {
		if fault.at(statement, transaction) {
			p.faults = slices.Delete(p.faults, i, i+1)

			return fault
		}
	}

	return nil
}

// connection is one connection through the proxy.
type connection struct {
	proxy          *Proxy
	client, server net.Conn

	statements  map[string]string // prepared statements, by name
	bound       string            // the text of the statement that Bind named
	transaction []string          // its statements since BEGIN

	mu    sync.Mutex
	muted *Fault // set if the next response must not reach the client
}

// connect forwards one connection until either side closes it.
func (p *Proxy) connect(client net.Conn) {
	defer client.Close()

	server, err := net.Dial(p.network, p.server)
	if err != nil {
		return // the client sees a closed connection, as if no server listened
	}
	defer server.Close()

	c := &connection{proxy: p, client: client, server: server, statements: map[string]string{}}

	done := make(chan struct{})

	go func() {
		defer close(done)

		c.forwardResponses()
		c.cut()
	}()

	c.forwardRequests()
	c.cut()
	<-done
}

// cut closes both sides of the connection.
func (c *connection) cut() {
	_ = c.client.Close()
	_ = c.server.Close()
}

// forwardRequests forwards messages from the gateway to Postgres.
func (c *connection) forwardRequests() {
	reader := bufio.NewReader(c.client)

	// The first message has no type.
	first, err := readBody(reader)
	if err != nil {
		return
	}

	if _, err := c.server.Write(first); err != nil {
		return
	}

	for {
		kind, body, err := readMessage(reader)
		if err != nil {
			return
		}

		if statement, complete := c.read(kind, body[4:]); complete {
			fault := c.proxy.take(statement, c.transaction)
			c.transaction = append(c.transaction, statement)

			if fault != nil && !c.apply(fault) {
				return
			}
		}

		if _, err := c.server.Write(append([]byte{kind}, body...)); err != nil {
			return
		}
	}
}

// read follows the protocol. It returns the statement that this message makes the server execute, and whether there is one.
func (c *connection) read(kind byte, body []byte) (statement string, complete bool) {
	words := bytes.Split(body, []byte{0})

	switch kind {
	case 'P': // Parse: name, statement
		c.statements[string(words[0])] = string(words[1])
	case 'B': // Bind: portal, name
		c.bound = c.statements[string(words[1])]
	case 'E': // Execute, after which Postgres does not wait for a Sync
		statement, c.bound = c.bound, ""

		return statement, statement != ""
	case 'Q': // simple Query
		statement = string(words[0])
		if statement == "begin" {
			c.transaction = nil
		}

		return statement, true
	}

	return "", false
}

// apply carries out the fault and reports whether the statement is forwarded.
func (c *connection) apply(fault *Fault) bool {
	switch fault.action {
	case CutBefore:
		close(fault.Reached)

		return false
	case HoldBefore:
		close(fault.Reached)
		<-fault.Release
	default:
		c.mu.Lock()
		defer c.mu.Unlock()

		c.muted = fault
	}

	return true
}

// forwardResponses forwards messages from Postgres to the gateway.
func (c *connection) forwardResponses() {
	reader := bufio.NewReader(c.server)

	for {
		kind, body, err := readMessage(reader)
		if err != nil {
			return
		}

		c.mu.Lock()
		muted := c.muted
		c.mu.Unlock()

		switch {
		case muted == nil:
			if _, err := c.client.Write(append([]byte{kind}, body...)); err != nil {
				return
			}
		case kind == 'Z': // ReadyForQuery: the statement is executed
			close(muted.Reached)

			if muted.action == HoldAfter {
				<-muted.Release
			}

			return
		}
	}
}

// readMessage reads the type of a message and its body.
func readMessage(r *bufio.Reader) (kind byte, body []byte, err error) {
	if kind, err = r.ReadByte(); err != nil {
		return 0, nil, fmt.Errorf("kind: %w", err)
	}

	body, err = readBody(r)

	return kind, body, err
}

// readBody reads a length, which counts itself, and the bytes that follow. It returns both.
func readBody(r *bufio.Reader) ([]byte, error) {
	length, err := r.Peek(4)
	if err != nil {
		return nil, fmt.Errorf("length: %w", err)
	}

	body := make([]byte, binary.BigEndian.Uint32(length))
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}

	return body, nil
}
