package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"time"
)

// answerTimeout is longer than any server may take for a response.
const answerTimeout = 60 * time.Second

// connection is a keep-alive connection that speaks the necessary part of HTTP/1.1. net/http's client would use as much
// of the machine as the servers do, and hide the difference between them.
type connection struct {
	conn   net.Conn
	reader *bufio.Reader
	body   []byte // of the last response
}

func dial(address string) (*connection, error) {
	conn, err := net.DialTimeout("tcp", address, answerTimeout)
	if err != nil {
		return nil, err
	}

	return &connection{conn: conn, reader: bufio.NewReader(conn)}, nil
}

func (c *connection) close() { _ = c.conn.Close() }

// do sends a request and returns the status and the body, which is valid until the next call.
func (c *connection) do(request []byte) (status int, body []byte, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, nil, err
	}

	if _, err := c.conn.Write(request); err != nil {
		return 0, nil, err
	}

	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}

	if len(line) < len("HTTP/1.1 200") {
		return 0, nil, fmt.Errorf("not a response: %q", line)
	}

	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, fmt.Errorf("not a response: %q", line)
	}

	length, err := c.contentLength()
	if err != nil {
		return 0, nil, err
	}

	if length < 0 {
		c.body, err = io.ReadAll(httputil.NewChunkedReader(c.reader))
		if err == nil {
			_, err = c.reader.Discard(len("\r\n"))
		}

		return status, c.body, err
	}

	if cap(c.body) < length {
		c.body = make([]byte, length)
	}

	c.body = c.body[:length]
	_, err = io.ReadFull(c.reader, c.body)

	return status, c.body, err
}

// contentLength reads the header to its end. It is negative for a chunked response.
func (c *connection) contentLength() (int, error) {
	const (
		name    = "Content-Length:"
		chunked = "Transfer-Encoding: chunked"
		unknown = -2
	)

	length := unknown

	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}

		if len(line) == len("\r\n") {
			break
		}

		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(name):]))); err != nil {
				return 0, err
			}
		}

		if bytes.EqualFold(bytes.TrimSpace(line), []byte(chunked)) {
			length = -1
		}
	}

	if length == unknown {
		return 0, errors.New("a response without a length")
	}

	return length, nil
}

// want makes a request that must succeed.
func (c *connection) want(request []byte) ([]byte, error) {
	status, body, err := c.do(request)
	if err != nil {
		return nil, err
	}

	if status != http.StatusOK {
		return nil, fmt.Errorf("status %d: %s", status, body)
	}

	return body, nil
}

const common = " HTTP/1.1\r\nHost: bench.test\r\nAccept: application/json\r\nUser-Agent: bench\r\n"

func get(path, token string) []byte {
	return []byte("GET " + path + common + "Authorization: Bearer " + token + "\r\n\r\n")
}

// from adds the header in which a proxy reports the client's address.
func from(address string, request []byte) []byte {
	return bytes.Replace(request, []byte("\r\n"), []byte("\r\nX-Forwarded-For: "+address+"\r\n"), 1)
}

func post(path, contentType, body string) []byte {
	return []byte("POST " + path + common + "Content-Type: " + contentType +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}
