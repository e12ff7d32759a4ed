package contract_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// rawConn is a connection without a client library that would correct what is sent.
type rawConn struct {
	net.Conn

	in *bufio.Reader
}

func dial(tb testing.TB, s *apptest.Server) *rawConn {
	tb.Helper()

	conn, err := net.Dial("tcp", s.HTTP.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}

	tb.Cleanup(func() { conn.Close() })

	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		tb.Fatal(err)
	}

	return &rawConn{conn, bufio.NewReader(conn)}
}

// replies reads every response until the server closes the connection; there are at most two.
func (w *rawConn) replies(tb testing.TB) []world.Reply {
	tb.Helper()

	var list []world.Reply

	for len(list) < 3 {
		response, err := http.ReadResponse(w.in, nil)
		if err != nil {
			break
		}

		body, err := io.ReadAll(response.Body)
		if err != nil {
			tb.Errorf("response %d: %v", len(list), err)
		}

		list = append(list, world.Reply{Status: response.StatusCode, Header: response.Header, Body: body})
	}

	return list
}

// R-J3, T-25: a message whose end could be understood in two ways is refused, or has one meaning. poison is the request
// that an attacker hides in it. It must never get a response of its own if a proxy in front would not see a second
// request.
func TestAmbiguousFramingHasOneMeaning(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.BehindProxy)

	const (
		body   = `{"refresh_token":"x"}`
		start  = "POST /api/auth/refresh HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\nX-Request-Id: the-first\r\n"
		poison = "GET /poison HTTP/1.1\r\nHost: gateway.test\r\nX-Request-Id: the-poison\r\nConnection: close\r\n\r\n"
	)

	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	refused := map[string]string{
		"two lengths":             start + "Content-Length: 21\r\nContent-Length: 22\r\n\r\n" + body,
		"list of lengths":         start + "Content-Length: 21, 22\r\n\r\n" + body,
		"negative length":         start + "Content-Length: -1\r\n\r\n" + body,
		"plus length":             start + "Content-Length: +21\r\n\r\n" + body,
		"hex length":              start + "Content-Length: 0x15\r\n\r\n" + body,
		"huge length":             start + "Content-Length: 99999999999999999999\r\n\r\n" + body,
		"space before colon":      start + "Content-Length : 21\r\n\r\n" + body,
		"tab before colon":        start + "Transfer-Encoding\t: chunked\r\n\r\n" + chunked,
		"space before name":       "POST /api/auth/refresh HTTP/1.1\r\n Host: gateway.test\r\n\r\n",
		"unknown encoding":        start + "Transfer-Encoding: gzip\r\n\r\n" + body,
		"encoding list":           start + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked,
		"chunked twice":           start + "Transfer-Encoding: chunked, chunked\r\n\r\n" + chunked,
		"two encodings":           start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked,
		"identity":                start + "Transfer-Encoding: identity\r\nContent-Length: 21\r\n\r\n" + body,
		"vertical tab encoding":   start + "Transfer-Encoding: \vchunked\r\n\r\n" + chunked,
		"bad chunk size":          start + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body + "\r\n0\r\n\r\n",
		"negative chunk":          start + "Transfer-Encoding: chunked\r\n\r\n-15\r\n" + body + "\r\n0\r\n\r\n",
		"huge chunk":              start + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + body + "\r\n0\r\n\r\n",
		"chunk size with 0x":      start + "Transfer-Encoding: chunked\r\n\r\n0x15\r\n" + body + "\r\n0\r\n\r\n",
		"chunk longer than said":  start + "Transfer-Encoding: chunked\r\n\r\n5\r\n" + body + "\r\n0\r\n\r\n",
		"bare LF in chunk size":   start + "Transfer-Encoding: chunked\r\n\r\n15\n" + body + "\r\n0\r\n\r\n",
		"NUL in a header":         start + "X-Thing: a\x00b\r\nContent-Length: 21\r\n\r\n" + body,
		"CR in a header":          start + "X-Thing: a\rb\r\nContent-Length: 21\r\n\r\n" + body,
		"NUL in a name":           start + "X-Th\x00ing: a\r\nContent-Length: 21\r\n\r\n" + body,
		"no colon":                start + "Content-Length 21\r\n\r\n" + body,
		"no host":                 "GET /api/users/me HTTP/1.1\r\n\r\n",
		"two hosts":               "GET /api/users/me HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
		"bad host":                "GET /api/users/me HTTP/1.1\r\nHost: a b\r\n\r\n",
		"unknown version":         "GET /api/users/me HTTP/3.7\r\nHost: a.test\r\n\r\n",
		"space in the target":     "GET /api/users/me x HTTP/1.1\r\nHost: a.test\r\n\r\n",
		"control in the target":   "GET /api/users/\x01me HTTP/1.1\r\nHost: a.test\r\n\r\n",
		"no target":               "GET HTTP/1.1\r\nHost: a.test\r\n\r\n",
		"trailer is a length":     start + "Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n" + chunked,
		"chunked in HTTP/1.0 too": strings.Replace(start, "1.1", "1.0", 1) + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" + chunked,
	}

	for name, text := range refused {
		t.Run(name, func(t *testing.T) {
			w := dial(t, g.Server)
			if _, err := io.WriteString(w, text+poison); err != nil {
				t.Fatal(err)
			}

			replies := w.replies(t)
			if len(replies) != 1 || replies[0].Status < 400 || replies[0].Status >= 500 && replies[0].Status != http.StatusNotImplemented &&
				replies[0].Status != http.StatusHTTPVersionNotSupported {
				t.Errorf("got %v, want one refusal and a closed connection", replies)
			}
		})
	}

	// RFC 9112 gives these messages one meaning: the first request ends where it says, and the second begins there.
	understood := map[string]string{
		"equal lengths":         start + "Content-Length: 21\r\nContent-Length: 21\r\n\r\n" + body,
		"chunked wins":          start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
		"chunked wins, first":   start + "Transfer-Encoding: chunked\r\nContent-Length: 500\r\n\r\n" + chunked,
		"folded header":         start + "X-Thing: a\r\n b\r\nContent-Length: 21\r\n\r\n" + body,
		"bare LF":               strings.ReplaceAll(start, "\r\n", "\n") + "Content-Length: 21\n\n" + body,
		"chunk extension":       start + "Transfer-Encoding: chunked\r\n\r\n15;a=b\r\n" + body + "\r\n0\r\n\r\n",
		"upper-case encoding":   start + "Transfer-Encoding: CHUNKED\r\n\r\n" + chunked,
		"leading zeros":         start + "Content-Length: 021\r\n\r\n" + body,
		"trailer after the end": start + "Transfer-Encoding: chunked\r\nTrailer: X-Thing\r\n\r\n" + strings.TrimSuffix(chunked, "\r\n") + "X-Thing: a\r\n\r\n",
	}

	for name, text := range understood {
		t.Run(name, func(t *testing.T) {
			w := dial(t, g.Server)
			if _, err := io.WriteString(w, text+poison); err != nil {
				t.Fatal(err)
			}

			replies := w.replies(t)
			if len(replies) == 0 || len(replies) > 2 || replies[0].Status != http.StatusUnauthorized || replies[0].Header.Get("X-Request-Id") != "the-first" {
				t.Fatalf("got %v", replies)
			}

			// RFC 9112, section 6.1: after a message with both headers the connection is closed.
			if strings.HasPrefix(name, "chunked wins") && len(replies) != 1 {
				t.Errorf("got %v, want one response and a closed connection", replies)
			}

			if len(replies) == 2 && (replies[1].Status != http.StatusNotFound || replies[1].Header.Get("X-Request-Id") != "the-poison") {
				t.Errorf("then got %v", replies[1])
			}
		})
	}
}

// R-J1: a header over 16 KiB gets 431, in whatever way it is large; a smaller one does not.
func TestLargeHeaderIsRefused(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	line := "GET /api/users/me HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n"
	want := map[string]struct {
		text   string
		status int
	}{
		"one value":          {line + "X-Thing: " + strings.Repeat("x", 17<<10) + "\r\n\r\n", 431},
		"a target":           {strings.Replace(line, "me", "me?"+strings.Repeat("x", 17<<10), 1) + "\r\n", 431},
		"100,000 headers":    {line + strings.Repeat("X-Thing: x\r\n", 100_000) + "\r\n", 431},
		"10,000 cookies":     {line + "Cookie: " + strings.Repeat("a=b; ", 10_000) + "\r\n\r\n", 431},
		"100,000 keys":       {strings.Replace(line, "me", "me?"+strings.Repeat("a&", 100_000), 1) + "\r\n", 431},
		"a megabyte of dots": {line + "Authorization: Bearer " + strings.Repeat(".", 1<<20) + "\r\n\r\n", 431}, // V-15
		"15 KiB of dots":     {line + "Authorization: Bearer " + strings.Repeat(".", 15<<10) + "\r\n\r\n", 401},
		"2,000 cookies":      {line + "Cookie: " + strings.Repeat("a=b; ", 2_000) + "\r\n\r\n", 401},
		"15 KiB":             {line + "X-Thing: " + strings.Repeat("x", 15<<10) + "\r\n\r\n", 401},
	}

	for name, one := range want {
		t.Run(name, func(t *testing.T) {
			w := dial(t, g.Server)

			go io.WriteString(w, one.text) // the server closes the connection in the middle

			if replies := w.replies(t); len(replies) != 1 || replies[0].Status != one.status {
				t.Errorf("got %v, want %d", replies, one.status)
			}
		})
	}
}

// R-J1, F-03, F-09, T-25: no client can make the server hold more than a small part of an endless body. The test counts
// all allocations of the process, so it runs alone, before the parallel tests.
func TestEndlessBodyCostsLittle(t *testing.T) {
	const (
		size    = 1 << 20
		endless = 1 << 10 // times size: a gigabyte
		most    = 64      // times size: what the server reads at most before it closes the connection
	)

	g := world.NewGateway(t)
	chunk := slices.Concat(fmt.Appendf(nil, "%x\r\n", size), bytes.Repeat([]byte{'a'}, size), []byte("\r\n"))

	allocated := func() uint64 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)

		return stats.TotalAlloc
	}

	operations := world.Operations()
	start := allocated()

	// After its response the server waits half a second for a client that still sends. All of them wait at once.
	var hangingUp sync.WaitGroup

	for _, o := range operations {
		before := allocated()
		w := dial(t, g.Server)

		if _, err := fmt.Fprintf(w, "%s %s HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", o.Method, o.Path, o.Media()); err != nil {
			t.Fatal(err)
		}

		hangingUp.Go(func() {
			sent := 0
			for ; sent < endless; sent++ {
				if _, err := w.Write(chunk); err != nil {
					break // the server has closed the connection
				}
			}

			if sent > most {
				t.Errorf("%s: the server read %d MiB", o.OperationID, sent)
			}
		})

		if _, err := http.ReadResponse(w.in, nil); err != nil {
			t.Errorf("%s: no response: %v", o.OperationID, err)
		}

		if grown := allocated() - before; grown > size {
			t.Errorf("%s: %d bytes allocated until the response", o.OperationID, grown)
		}
	}

	hangingUp.Wait()

	if grown := allocated() - start; grown > uint64(len(operations))*size {
		t.Errorf("%d bytes allocated for %d endless bodies", grown, len(operations))
	}
}

// F-09: a body just over the limit gets 413, in one piece or in chunks, and the connection is closed. A body of exactly
// the limit is read.
func TestBodyLimit(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for _, o := range world.Operations() {
		if o.Media() != "application/json" {
			continue
		}

		for _, chunks := range []bool{false, true} {
			c := g.Call(o)
			c.Chunked = chunks
			c.Body += strings.Repeat(" ", 64<<10-len(c.Body))

			if got := c.To(t, g.Server); got.Status >= 500 || got.Status == http.StatusRequestEntityTooLarge || got.Problem.Code == "INVALID_REQUEST" {
				t.Errorf("%s, 64 KiB, chunked %t: %s", o.OperationID, chunks, got)
			}

			c.Body += " "

			got := c.To(t, g.Server)
			if got.Status != http.StatusRequestEntityTooLarge || got.Problem.Code != "BODY_TOO_LARGE" {
				t.Errorf("%s, 64 KiB and a byte, chunked %t: %s", o.OperationID, chunks, got)
			}
		}
	}

	w := dial(t, g.Server)
	_, err := io.WriteString(w, "POST /api/auth/refresh HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n\r\n"+strings.Repeat(" ", 70_000))

	if replies := w.replies(t); err != nil || len(replies) != 1 || replies[0].Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %v (%v), want one 413 and a closed connection", replies, err)
	}

	if _, err := w.in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after 413: %v, want a closed connection", err)
	}
}

// R-J2, F-18: what a slow client can hold is bounded.
func TestServerHasTimeouts(t *testing.T) {
	t.Parallel()

	s := app.NewServer(config.Config{RefreshPatience: 40 * time.Second}, http.NotFoundHandler(), slog.New(slog.DiscardHandler))

	if s.ReadHeaderTimeout != 5*time.Second || s.ReadTimeout != 15*time.Second || s.IdleTimeout != 75*time.Second {
		t.Errorf("timeouts %s, %s, %s", s.ReadHeaderTimeout, s.ReadTimeout, s.IdleTimeout)
	}

	if s.WriteTimeout < 25*time.Second || s.WriteTimeout > time.Minute { // longer than a refresh waits for the database
		t.Errorf("write timeout %s", s.WriteTimeout)
	}

	if s.MaxHeaderBytes+4096 != 16<<10 {
		t.Errorf("%d bytes of header", s.MaxHeaderBytes)
	}
}

// F-14, R-F6: a client that disconnects in the middle of a refresh has lost nothing.
func TestClientDisconnectLosesNothing(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	token := g.OwnerTokens.RefreshToken

	for range 20 {
		body := fmt.Sprintf(`{"refresh_token":%q}`, token)
		w := dial(t, g.Server)

		_, err := fmt.Fprintf(w, "POST /api/auth/refresh HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if err != nil {
			t.Fatal(err)
		}

		w.Close()

		status, tokens := g.Refresh(t, token)
		if status != http.StatusOK {
			t.Fatalf("after hanging up: %d", status)
		}

		token = tokens.RefreshToken
	}
}
