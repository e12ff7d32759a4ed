//go:build battery

package attack_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// held is a request whose last bytes have not been sent.
type held struct {
	conn  net.Conn
	lines *bufio.Reader
	rest  []byte         // what has not been sent
	early *http.Response // the response, if the gateway did not wait for the body
}

// hold sends a request without the last byte of its body. It returns when the gateway has let the caller through: it then
// asks for the body ("100 Continue"). A request without a body is held before the end of its headers.
func (c *client) hold(t *testing.T, to *replica, method, path string, body any, headers ...string) *held {
	t.Helper()

	var content []byte

	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}

	host := strings.TrimPrefix(to.url, "http://")

	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))

	header := http.Header{}
	c.dress(header, "")

	if body != nil {
		header.Set("Content-Type", "application/json")
		header.Set("Content-Length", strconv.Itoa(len(content)))
		header.Set("Expect", "100-continue")
	}

	for _, one := range headers {
		name, value, _ := strings.Cut(one, ": ")
		header.Set(name, value)
	}

	var head bytes.Buffer

	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	_ = header.Write(&head)

	h := &held{conn: conn, lines: bufio.NewReader(conn), rest: []byte("\r\n")}

	if body != nil {
		head.WriteString("\r\n")
	}

	if _, err := conn.Write(head.Bytes()); err != nil {
		t.Fatal(err)
	}

	if body == nil {
		return h
	}

	response, err := http.ReadResponse(h.lines, nil)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}

	if response.StatusCode != http.StatusContinue {
		h.early = response

		return h
	}

	last := len(content) - 1
	h.rest = content[last:]

	if _, err := conn.Write(content[:last]); err != nil {
		t.Fatal(err)
	}

	return h
}

// finish sends the rest and returns the response.
func (h *held) finish(t *testing.T, c *client) reply {
	t.Helper()

	defer h.conn.Close()

	response := h.early
	if response == nil {
		if _, err := h.conn.Write(h.rest); err != nil {
			t.Fatal(err)
		}

		var err error
		if response, err = http.ReadResponse(h.lines, nil); err != nil {
			t.Fatal(err)
		}
	}
	defer response.Body.Close()

	return c.read(t, response, time.Now())
}
