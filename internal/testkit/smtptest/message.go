package smtptest

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
)

// Message is a message as the sink received it.
type Message struct {
	From       string   // of the envelope
	Recipients []string // of the envelope
	User       string   // the user who had signed in
	TLS        bool
	Hello      string // the name with which the client introduced itself
	Data       []byte
}

// Read is a message as a mail program reads it.
type Read struct {
	Header  mail.Header
	Names   []string // the names of the header fields, sorted, with repeats
	Subject string   // decoded
	Parts   []Part
}

// Part is one form of the text, decoded.
type Part struct {
	Type string // as in "text/plain; charset=UTF-8"
	Body string
}

// Read decodes the message. It fails the test if the message is malformed.
func (m Message) Read(tb testing.TB) Read {
	tb.Helper()

	parsed, err := mail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		tb.Fatalf("not a message: %v\n%s", err, m.Data)
	}

	r := Read{Header: parsed.Header}

	for name, values := range parsed.Header {
		for range values {
			r.Names = append(r.Names, name)
		}
	}

	slices.Sort(r.Names)

	if r.Subject, err = new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil {
		tb.Fatal(err)
	}

	kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		tb.Fatalf("content type %q: %v", kind, err)
	}

	parts := multipart.NewReader(parsed.Body, params["boundary"])

	for {
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // as the package documents
			return r
		} else if err != nil {
			tb.Fatal(err)
		}

		body, err := io.ReadAll(decoded(part.Header.Get("Content-Transfer-Encoding"), part))
		if err != nil {
			tb.Fatal(err)
		}

		r.Parts = append(r.Parts, Part{Type: part.Header.Get("Content-Type"), Body: string(body)})
	}
}

func decoded(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	}

	return r
}
