package transfer

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// layout is how the records of a file lie in it.
type layout int

const (
	inLines  layout = iota // one record of JSON on each line
	inTable                // CSV: one record on each line, except for line ends within quotation marks
	inStream               // objects of JSON one after another, over several lines: mongoexport --pretty
	inArray                // an array of objects: mongoexport --jsonArray
	inMember               // an object whose member users is such an array: Firebase, Keycloak
)

// spread reports that records have several lines or share one, so that a line does not identify a record.
func (l layout) spread() bool { return l >= inStream }

// glimpse is what the beginning of a file shows.
type glimpse struct {
	layout  layout
	text    []byte                   // from the first character that is not a space
	members map[string]jsontext.Kind // of the first record, as far as the text goes
	empty   bool                     // there is no record
	realm   bool                     // the object around the records has a realm
}

// lenient are the options for text whose records are judged later.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// look recognizes the layout of a file by its beginning.
func look(head []byte) glimpse {
	g := glimpse{text: bytes.TrimLeft(bytes.TrimPrefix(head, []byte(byteOrderMark)), " \t\r\n")}
	if len(g.text) == 0 {
		g.empty = true

		return g
	}

	dec := jsontext.NewDecoder(bytes.NewReader(g.text), lenient...)

	switch g.text[0] {
	case '[':
		g.layout = inArray
		if _, err := dec.ReadToken(); err == nil && dec.PeekKind() == '{' {
			g.members, _ = membersOf(dec, nil)
		} else {
			g.empty = dec.PeekKind() == ']'
		}
	case '{':
		g.lookIntoObject(dec)
	default:
		g.layout = inTable
	}

	return g
}

func (g *glimpse) lookIntoObject(dec *jsontext.Decoder) {
	var users map[string]jsontext.Kind

	list := false

	members, err := membersOf(dec, func(name string) bool {
		if name != "users" || dec.PeekKind() != '[' {
			return false
		}

		if _, err := dec.ReadToken(); err == nil && dec.PeekKind() == '{' {
			users, _ = membersOf(dec, nil)
		}

		list = true

		return true
	})

	g.realm = members["realm"] == '"'

	switch {
	case list, g.realm && members["email"] == 0:
		g.layout, g.members, g.empty = inMember, users, users == nil
	case overLines(g.text, int(dec.InputOffset()), err):
		g.layout, g.members = inStream, members
	default:
		g.layout, g.members = inLines, members
	}
}

// overLines reports whether the first object, which ends at that byte or was read until the error, has several lines. A line
// that is not an object is more likely a broken one among others if what follows does not continue it.
func overLines(text []byte, end int, err error) bool {
	switch {
	case err == nil:
		// Line ends of a carriage return alone make one line of all.
		rest := bytes.TrimLeft(text[end:], " \t\r")

		return bytes.IndexByte(text[:end], '\n') >= 0 || len(rest) > 0 && rest[0] == '{' && bytes.IndexByte(text[end:len(text)-len(rest)], '\r') >= 0
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return bytes.IndexByte(bytes.TrimSpace(text), '\n') >= 0
	}

	return false
}

// membersOf reads an object and returns the names of its members with the kinds of their values. It stops without an error
// after the member for which stop returns true.
func membersOf(dec *jsontext.Decoder, stop func(name string) bool) (map[string]jsontext.Kind, error) {
	members := map[string]jsontext.Kind{}

	if _, err := dec.ReadToken(); err != nil {
		return members, err
	}

	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil {
			return members, err
		}

		name := token.String()
		members[name] = dec.PeekKind()

		if stop != nil && stop(name) {
			return members, nil
		}

		if err := dec.SkipValue(); err != nil {
			return members, err
		}
	}

	_, err := dec.ReadToken()

	return members, err
}
