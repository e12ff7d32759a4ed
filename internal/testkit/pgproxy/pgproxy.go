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

// pgProxy stands between a gateway and Postgres, reads what goes by (the protocol's framing, and the
// text of each statement), and breaks connections at the very point that a test names.
type pgProxy struct {
	URL             string // of the same database, through the proxy
	network, server string

	mu    sync.Mutex
	traps []*trap
}

// trap springs once, at the first statement that it matches.
type trap struct {
	at     Point
	action TrapAction

	Sprung  chan struct{} // closed when it does
	Release chan struct{} // what was held goes on when this is closed
}

// Point matches a statement, and those before it in its transaction.
type Point func(statement string, transaction []string) bool

type TrapAction int

const (
	CutBefore  TrapAction = iota // the statement never reaches Postgres
	CutAfter                     // it is done, committed if that is what it is about, and nobody is told
	HoldBefore                   // it waits, and goes on
	HoldAfter                    // it is done, and the answer waits for the connection's end
)

// AtStatement matches the query of that name in sql/queries.
func AtStatement(name string) Point {
	return func(statement string, _ []string) bool { return named(statement, name) }
}

// AtCommit matches the COMMIT of the transaction in which the query of that name ran.
func AtCommit(name string) Point {
	return func(statement string, transaction []string) bool {
		return statement == "commit" && slices.ContainsFunc(transaction, func(s string) bool { return named(s, name) })
	}
}

func named(statement, name string) bool { return strings.HasPrefix(statement, "-- name: "+name+" ") }

func NewPGProxy(t *testing.T, databaseURL string) *pgProxy {
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
		Path: "/" + config.Database, RawQuery: "sslmode=disable", // what is encrypted cannot be read
	}

	p := &pgProxy{URL: through.String()}
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

// Trap sets one.
func (p *pgProxy) Trap(at Point, action TrapAction) *trap {
	p.mu.Lock()
	defer p.mu.Unlock()

	one := &trap{at: at, action: action, Sprung: make(chan struct{}), Release: make(chan struct{})}
	p.traps = append(p.traps, one)

	return one
}

// spring answers the trap that the statement has run into.
func (p *pgProxy) spring(statement string, transaction []string) *trap {
	p.mu.Lock()
	defer p.mu.Unlock()

	for i, one := range p.traps {
		if one.at(statement, transaction) {
			p.traps = slices.Delete(p.traps, i, i+1)

			return one
		}
	}

	return nil
}

// pgConnection is one connection through the proxy.
type pgConnection struct {
	proxy          *pgProxy
	client, server net.Conn

	statements  map[string]string // prepared, by name
	bound       string            // the text of what Bind named
	transaction []string          // since BEGIN

	mu    sync.Mutex
	muted *trap // the answer to come is for nobody
}

func (p *pgProxy) connect(client net.Conn) {
	defer client.Close()

	server, err := net.Dial(p.network, p.server)
	if err != nil {
		return // as if nobody listened
	}
	defer server.Close()

	c := &pgConnection{proxy: p, client: client, server: server, statements: map[string]string{}}

	done := make(chan struct{})

	go func() {
		defer close(done)

		c.downwards()
		c.cut()
	}()

	c.upwards()
	c.cut()
	<-done
}

func (c *pgConnection) cut() {
	_ = c.client.Close()
	_ = c.server.Close()
}

// upwards passes on what the gateway says.
func (c *pgConnection) upwards() {
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
			one := c.proxy.spring(statement, c.transaction)
			c.transaction = append(c.transaction, statement)

			if one != nil && !c.sprung(one) {
				return
			}
		}

		if _, err := c.server.Write(append([]byte{kind}, body...)); err != nil {
			return
		}
	}
}

// read follows the protocol, and answers the statement that this message asks the server to finish.
func (c *pgConnection) read(kind byte, body []byte) (statement string, complete bool) {
	words := bytes.Split(body, []byte{0})

	switch kind {
	case 'P': // Parse: name, statement
		c.statements[string(words[0])] = string(words[1])
	case 'B': // Bind: portal, name
		c.bound = c.statements[string(words[1])]
	case 'S': // Sync
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

// sprung does what the trap is for, and says whether the statement is passed on.
func (c *pgConnection) sprung(one *trap) bool {
	switch one.action {
	case CutBefore:
		close(one.Sprung)

		return false
	case HoldBefore:
		close(one.Sprung)
		<-one.Release
	default:
		c.mu.Lock()
		defer c.mu.Unlock()

		c.muted = one
	}

	return true
}

// downwards passes on what Postgres says.
func (c *pgConnection) downwards() {
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
		case kind == 'Z': // ReadyForQuery: it is done
			close(muted.Sprung)

			if muted.action == HoldAfter {
				<-muted.Release
			}

			return
		}
	}
}

func readMessage(r *bufio.Reader) (kind byte, body []byte, err error) {
	if kind, err = r.ReadByte(); err != nil {
		return 0, nil, fmt.Errorf("kind: %w", err)
	}

	body, err = readBody(r)

	return kind, body, err
}

// readBody reads a length, which counts itself, and what follows.
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
