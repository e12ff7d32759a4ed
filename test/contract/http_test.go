package contract_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	document "github.com/konec/toolkit-gateway/api"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// CON-D13: the document is compressed for clients that accept gzip, and not sent again to those that have it.
func TestDocumentIsCompressedAndRevalidated(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	tags := map[string]bool{}

	for _, path := range []string{"/openapi.yaml", "/openapi.json"} {
		for _, encoding := range []string{"identity", "gzip", "br, GZIP;q=0.5", "gzip;q=0"} {
			packed := encoding == "gzip" || encoding == "br, GZIP;q=0.5"
			get := world.Call{Method: http.MethodGet, Path: path}.With("Accept-Encoding", encoding)
			got := get.To(t, g.Server)
			tag := got.Header.Get("ETag")

			if got.Status != http.StatusOK || tag == "" || got.Header.Get("Vary") == "" || (got.Header.Get("Content-Encoding") == "gzip") != packed {
				t.Fatalf("%s with %s: %d %v", path, encoding, got.Status, got.Header)
			}

			text := got.Body
			if packed {
				text = unpacked(t, got)
			}

			if path == "/openapi.yaml" && string(text) != string(document.Document) {
				t.Errorf("%s with %s is another document", path, encoding)
			}

			if packed && len(got.Body) > len(text)/4 {
				t.Errorf("%s: %d of %d bytes", path, len(got.Body), len(text))
			}

			tags[tag] = true

			if again := get.With("If-None-Match", `"other", `+tag).To(t, g.Server); again.Status != http.StatusNotModified || len(again.Body) > 0 {
				t.Errorf("%s again: %s", path, again)
			}

			if other := get.With("If-None-Match", `"other"`).With("Range", "bytes=5-4").To(t, g.Server); other.Status != http.StatusOK {
				t.Errorf("%s with another tag: %d", path, other.Status)
			}
		}
	}

	if len(tags) != 4 {
		t.Errorf("%d tags for four representations", len(tags))
	}
}

func unpacked(t *testing.T, got world.Reply) []byte {
	t.Helper()

	reader, err := gzip.NewReader(bytes.NewReader(got.Body))
	if err != nil {
		t.Fatal(err)
	}

	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}

	return text
}

// CON-D13, RFC 9110, section 10.1.1: a client that announces a body that is too large, and waits for "100 Continue" before it
// sends it, gets the refusal at once.
func TestLargeBodyIsRefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	to, err := url.Parse(g.URL)
	if err != nil {
		t.Fatal(err)
	}

	for length, want := range map[int]int{httpapi.MaxBody + 1: http.StatusRequestEntityTooLarge, 2: http.StatusContinue} {
		connection, err := net.Dial("tcp", to.Host)
		if err != nil {
			t.Fatal(err)
		}

		t.Cleanup(func() { connection.Close() })
		_ = connection.SetDeadline(time.Now().Add(time.Minute))

		if _, err := fmt.Fprintf(connection, "POST /api/auth/refresh HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", to.Host, length); err != nil {
			t.Fatal(err)
		}

		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatal(err)
		}

		response.Body.Close()

		if response.StatusCode != want {
			t.Errorf("a body of %d bytes: %d, want %d", length, response.StatusCode, want)
		}
	}
}

// CON-D13, RFC 9110, section 12.5.1: of the ranges of Accept that match a type the most specific one counts.
func TestMostSpecificAcceptCounts(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for accept, want := range map[string]int{
		"application/json;q=0, */*;q=0.1":        http.StatusNotAcceptable,
		"*/*, application/json;q=0.0":            http.StatusNotAcceptable,
		"application/*;q=0, */*":                 http.StatusNotAcceptable,
		"application/json, application/*;q=0":    http.StatusUnauthorized,
		"text/html, */*;q=0.1":                   http.StatusUnauthorized,
		"*/*;q=0":                                http.StatusNotAcceptable,
		"text/html":                              http.StatusNotAcceptable,
		"application/json;q=0, application/json": http.StatusUnauthorized,
		"/;;":                                    http.StatusUnauthorized,
	} {
		if got := (world.Call{Method: http.MethodGet, Path: "/api/users/me"}).With("Accept", accept).To(t, g.Server); got.Status != want {
			t.Errorf("%s: %d, want %d", accept, got.Status, want)
		}
	}
}

// CON-D13, RFC 9110, section 15.5.2: every 401 names a scheme. No scheme of browsers is named, which would ask for a password.
func TestEverySignedOutResponseHasAChallenge(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	asked := 0

	for _, o := range world.Operations() {
		if !o.RequiresScheme("bearer") && !o.RequiresScheme("sessionCookie") {
			continue
		}

		want := "Bearer"
		if o.IsPublic() {
			want = "Cookie"
		}

		asked++

		got := g.Call(o).Without("Authorization").Without("Cookie").To(t, g.Server)
		if got.Status != http.StatusUnauthorized || got.Header.Get("WWW-Authenticate") != want {
			t.Errorf("%s: %d, WWW-Authenticate %q, want %q", o.OperationID, got.Status, got.Header.Get("WWW-Authenticate"), want)
		}
	}

	if asked < 50 {
		t.Errorf("%d operations asked", asked)
	}
}
