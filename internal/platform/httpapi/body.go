package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

const (
	contentJSON = "application/json"
	contentForm = "application/x-www-form-urlencoded"
)

// body is a request body, read once.
type body struct {
	form url.Values // nil unless the body is a form
}

// bind prepares the request for the generated code. That reads r.Form, into which net/http would merge the query
// string.
func (b body) bind(r *http.Request) {
	if b.form != nil {
		r.PostForm = b.form
		r.Form = b.form
	}
}

// receive waits for the whole body of an operation that has one, before the caller is authenticated: a slow sender keeps no
// authority that was taken away meanwhile, and occupies no slot at the gate.
func receive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if operationOf(r.Context()).body != nil {
			// An error here is reported by the code that parses the body. Of a body that is announced as too large nothing is
			// read, so that a client that waits for "100 Continue" gets the refusal instead.
			var raw []byte

			err := error(&http.MaxBytesError{Limit: MaxBody})
			if r.ContentLength <= MaxBody {
				raw, err = io.ReadAll(r.Body)
			}

			r.Body = &receivedBody{Reader: bytes.NewReader(raw), raw: raw, err: err}
		}

		next.ServeHTTP(w, r)
	})
}

// receivedBody is a body that was read, with the error that ended it.
type receivedBody struct {
	*bytes.Reader

	raw []byte
	err error
}

func (*receivedBody) Close() error { return nil }

// readBody checks the type of the body that receive has read, and its syntax more strictly than encoding/json would, and
// restores it for the validator.
func (op *operation) readBody(r *http.Request) (body, error) {
	if op.body == nil {
		return body{}, nil
	}

	media, err := op.mediaType(r)
	if err != nil {
		return body{}, err
	}

	received := r.Body.(*receivedBody)

	switch {
	case tooLarge(received.err):
		return body{}, problem.ErrBodyTooLarge
	case received.err != nil:
		return body{}, problem.ErrInvalidRequest.WithFields(problem.Field{Message: textCutOff}).WithCause(received.err)
	}

	raw := received.raw

	if media == contentForm {
		form, err := readForm(raw, op.body.Content[contentForm].Schema.Value, op.spellings)
		restore(r, []byte(form.Encode()))

		return body{form: form}, err
	}

	if err := checkJSON(raw, op.bounds); err != nil {
		return body{}, err
	}

	restore(r, op.spellings.correct(raw))

	return body{}, nil
}

// restore gives the body back, for the validator and the generated code.
func restore(r *http.Request, raw []byte) {
	r.Body = io.NopCloser(bytes.NewReader(raw))
	r.ContentLength = int64(len(raw))
}

// mediaType returns the body's type, if the document names it.
func (op *operation) mediaType(r *http.Request) (string, error) {
	values := r.Header.Values("Content-Type")
	if len(values) != 1 || !isIdentity(r.Header.Values("Content-Encoding")) {
		return "", problem.ErrUnsupportedMediaType
	}

	media, parameters, err := mime.ParseMediaType(values[0])
	if err != nil || op.body.Content[media] == nil {
		return "", problem.ErrUnsupportedMediaType
	}

	if charset, set := parameters["charset"]; set && !slices.Contains(utf8Charsets, strings.ToLower(charset)) {
		return "", problem.ErrUnsupportedMediaType
	}

	return media, nil
}

// utf8Charsets are the names under which clients send UTF-8, or ASCII, which is a part of it.
var utf8Charsets = []string{"utf-8", "utf8", "us-ascii", "ascii"}

// isIdentity reports whether a body has no coding (RFC 9110, section 8.4). Some clients say so in words.
func isIdentity(codings []string) bool {
	return !slices.ContainsFunc(codings, func(coding string) bool {
		return coding != "" && !strings.EqualFold(strings.TrimSpace(coding), "identity")
	})
}

// checkJSON requires exactly one JSON value: no duplicate member, no bytes after it, no broken UTF-8, no half of a
// surrogate pair (jsontext refuses all of these), no NUL in any string, and nothing beyond the bounds. It builds nothing:
// a body that cannot fit the document costs little.
func checkJSON(raw []byte, limit bounds) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(raw))

	for tokens := 1; ; tokens++ {
		token, err := decoder.ReadToken()

		switch {
		case errors.Is(err, io.EOF) && decoder.InputOffset() > 0 && decoder.StackDepth() == 0:
			return nil
		case err != nil:
			return problem.ErrInvalidRequest.WithFields(problem.Field{Name: pointer(decoder), Message: syntax(err)})
		case decoder.StackDepth() == 0 && len(bytes.TrimSpace(raw[decoder.InputOffset():])) > 0:
			return problem.ErrInvalidRequest.WithFields(problem.Field{Message: textTrailing})
		}

		if fault, found := limit.exceeded(decoder, token, tokens); found {
			return problem.ErrInvalidRequest.WithFields(problem.Field{Name: pointer(decoder), Message: fault})
		}
	}
}

// exceeded returns what is wrong with the token that was just read.
func (b bounds) exceeded(decoder *jsontext.Decoder, token jsontext.Token, tokens int) (fault language.Text, found bool) {
	depth := decoder.StackDepth()
	if depth > b.depth {
		return textTooDeep, true
	}

	// Names and values of an object count apart.
	container, length := decoder.StackIndex(depth)
	if container == '{' && length > int64(2*b.members) || container == '[' && length > int64(b.items) || tokens > b.tokens {
		return textTooMany, true
	}

	switch kind := token.Kind(); {
	case kind == '"' && len(token.String()) > b.text, kind == '0' && len(token.String()) > maxNumber:
		return textTooLong, true
	case kind == '"' && strings.ContainsRune(token.String(), 0):
		return textNotText, true
	}

	return language.Text{}, false
}

// pointer returns the position of the decoder, unless the caller's own text makes it too long for a response.
func pointer(decoder *jsontext.Decoder) string {
	at := string(decoder.StackPointer())
	if len(at) > maxFieldName || !isText(at) {
		return ""
	}

	return at
}

// readForm parses a form, and refuses fields that are not in the schema: the validator does not. An optional field without
// a value is absent (HTML forms and generated clients send it so).
func readForm(raw []byte, schema *openapi3.Schema, s spellings) (url.Values, error) {
	if bytes.Count(raw, []byte("&")) >= maxKeys {
		return nil, problem.ErrInvalidRequest.WithFields(problem.Field{Message: textForm})
	}

	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, problem.ErrInvalidRequest.WithFields(problem.Field{Message: textForm})
	}

	var faults []problem.Field

	for name, list := range form {
		field := "/" + name
		if !isText(field) || len(field) > maxFieldName {
			field = ""
		}

		switch {
		case schema.Properties[name] == nil:
			faults = append(faults, problem.Field{Name: field, Message: textUnknownMember})
		case len(list) > 1:
			faults = append(faults, problem.Field{Name: field, Message: textTwice})
		case !isText(list[0]):
			faults = append(faults, problem.Field{Name: field, Message: textNotText})
		default:
			form.Set(name, s.correctText(name, list[0]))
		}

		if form.Get(name) == "" && !slices.Contains(schema.Required, name) {
			delete(form, name)
		}
	}

	return form, orInvalid(faults)
}
