package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// place is where a reader is in a file whose records are spread over lines.
type place int

const (
	atBeginning place = iota
	atFirst           // in a list, before its first record
	behind            // behind a record
	atEnd             // behind the last record
)

// scanner is the state of reading such a file. Its reader holds no more than one record, however long a value of the file is.
type scanner struct {
	place place
	users int  // lists of records that were found in the object around them
	fresh bool // the next byte begins a line
}

// broken is an error of the file's form. What follows cannot be trusted: within a text that was cut off, every quotation mark
// begins what it should end, and a value could pass for a record. So the rest of the file is refused as one.
type broken string

func (b broken) Error() string { return string(b) }

var (
	errCut      = broken("the file ends within this record: it was cut off")
	errUnclosed = broken("the file ends before its list of accounts does: it was cut off, and records may be missing")
	errRest     = broken("something follows the end of the list of accounts")
	errNoUsers  = broken("an export of a realm without users: write one with bin/kc.sh export --users realm_file --realm NAME --file FILE")
)

// resume sets the state for the position: an import that was interrupted continues behind a record, or has read everything.
func (r *lineReader) resume(size int64) {
	switch r.position {
	case 0:
		r.fresh = true
	case size:
		r.place, r.users = atEnd, 1
	default:
		r.place, r.users = behind, 1
	}
}

// spread reads the next record of a file whose records are spread over lines, and appends its text to that of the batch.
func (r *lineReader) spread(texts []byte) (line, []byte, error) {
	begin := len(texts)

	one, texts, err := r.record(texts)

	bad, isBroken := errors.AsType[broken](err)

	switch {
	case isBroken:
		one, err = r.refuseRest(one, bad)

		return one, texts[:begin], err
	case err != nil:
		return line{}, texts[:begin], err
	}

	raw := texts[begin:]

	switch {
	case one.flawed != "":
	case len(raw) > maxLine:
		one.flawed = tooLong
	default:
		one.flawed = textFlaw(raw)
	}

	if one.flawed != "" {
		return one, texts[:begin], nil
	}

	one.text = raw[:len(raw):len(raw)]

	return one, texts, nil
}

// refuseRest reads the file to its end, and returns the flaw of all that is left.
func (r *lineReader) refuseRest(one line, why broken) (line, error) {
	if one.number == 0 {
		one = r.begin()
	}

	if err := r.readToEnd(); err != nil {
		return one, err
	}

	one.number = max(1, min(one.number, r.number)) // a file that ends with a line end has no line behind it
	one.last = max(1, r.number)
	one.flawed = string(why)
	one.rest = true
	r.place = atEnd

	return one, io.EOF
}

func (r *lineReader) readToEnd() error {
	for {
		_, err := r.readByte()

		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// begin returns a record that begins at the next byte.
func (r *lineReader) begin() line {
	r.records++
	number := r.number

	if r.fresh {
		number++
	}

	return line{number: number, last: number, record: r.records, at: r.position}
}

// record finds the next record, and appends its text. The error is io.EOF at the end of the file, or broken.
func (r *lineReader) record(texts []byte) (line, []byte, error) {
	for {
		c, err := r.peekSpace()
		if errors.Is(err, io.EOF) && r.place != atEnd && (r.layout != inStream) {
			return line{}, texts, errUnclosed
		} else if err != nil {
			return line{}, texts, err
		}

		switch {
		case r.layout == inStream && c != '{':
			return line{}, texts, broken("not an object of JSON")
		case r.layout == inStream, r.place == atFirst && c != ']':
			return r.take(texts)
		case r.place == atEnd:
			return line{}, texts, errRest
		case r.place == atBeginning:
			err = r.enter()
		case c == ']':
			err = r.leave()
		case c != ',':
			return line{}, texts, broken("neither a comma nor the end of the list follows the record before")
		default:
			if err = r.afterComma(); err == nil {
				return r.take(texts)
			}
		}

		if err != nil {
			return line{}, texts, err
		}
	}
}

func (r *lineReader) afterComma() error {
	if _, err := r.readByte(); err != nil {
		return err
	}

	c, err := r.peekSpace()

	switch {
	case errors.Is(err, io.EOF):
		return errUnclosed
	case err == nil && (c == ']' || c == ','):
		return broken("a comma without a record behind it")
	}

	return err
}

// take reads a record.
func (r *lineReader) take(texts []byte) (line, []byte, error) {
	one := r.begin()
	begin := len(texts)

	texts, long, err := r.value(texts, maxLine)
	one.last = r.number
	r.place = behind

	switch {
	case errors.Is(err, io.EOF):
		return one, texts, errCut
	case err != nil:
		return one, texts, err
	case long:
		one.flawed = tooLong

		return one, texts, nil
	}

	return one, texts, syntax(texts[begin:], one.number)
}

// syntax returns broken if the text, which begins on that line, is not a value of JSON.
func syntax(text []byte, number int64) error {
	dec := jsontext.NewDecoder(bytes.NewReader(text), lenient...)

	value, err := dec.ReadValue()
	if err == nil && len(value) == len(text) {
		return nil
	}

	at := min(int(dec.InputOffset()), len(text))
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = min(int(syntactic.ByteOffset), len(text))
	}

	return broken(fmt.Sprintf("not JSON, on line %d", number+int64(bytes.Count(text[:at], []byte("\n")))))
}

// value reads one value of JSON, and appends its text up to the limit. It finds the end by brackets and quotation marks alone.
func (r *lineReader) value(texts []byte, limit int) (_ []byte, long bool, err error) {
	depth, begin, quoted, escaped := 0, len(texts), false, false

	for first := true; ; first = false {
		c, err := r.from.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) && !first && depth == 0 && !quoted {
				return texts, long, nil // a number, or a word
			}

			return texts, long, err
		}

		end := false

		switch {
		case quoted:
			if c < ' ' {
				return texts, long, errors.Join(r.from.UnreadByte(), broken("a line end or another control character within quotation marks"))
			}

			end = c == '"' && !escaped && depth == 0
			quoted = c != '"' || escaped
			escaped = c == '\\' && !escaped
		case c == '"':
			quoted = true
		case c == '{', c == '[':
			depth++
		case depth > 0 && (c == '}' || c == ']'):
			depth--
			end = depth == 0
		case depth == 0 && !first && (c == ',' || c == ']' || c == '}' || c <= ' '):
			return texts, long, r.from.UnreadByte() // behind a number, or a word
		}

		r.pass(c)

		if long = long || len(texts)-begin >= limit; !long {
			texts = append(texts, c)
		}

		if end {
			return texts, long, nil
		}
	}
}

// readByte reads a byte, and counts it.
func (r *lineReader) readByte() (byte, error) {
	c, err := r.from.ReadByte()
	if err == nil {
		r.pass(c)
	}

	return c, err
}

// pass counts a byte. A line is counted with its first one.
func (r *lineReader) pass(c byte) {
	r.position++

	if r.fresh {
		r.number++
	}

	r.fresh = c == '\n'
}

// peekSpace returns the next character that is not a space, and leaves it unread.
func (r *lineReader) peekSpace() (byte, error) {
	if r.position == 0 {
		if mark, _ := r.from.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
			n, _ := r.from.Discard(len(byteOrderMark)) // what was peeked at
			r.position += int64(n)
		}
	}

	for {
		c, err := r.from.ReadByte()
		if err != nil {
			return 0, err
		}

		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, r.from.UnreadByte()
		}

		r.pass(c)
	}
}
