package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

const (
	// maxLine is the longest line that is parsed. A longer one is reported and skipped, and is never in memory as a
	// whole.
	maxLine = 64 << 10
	// A batch ends at this number of lines or bytes, whichever is reached first.
	batchLines = 5_000
	batchBytes = 4 << 20
)

// line is one line of a file, or one record, which may have several lines or share one. Its text has no line end; flawed is the
// reason if there is no text.
type line struct {
	number int64 // the first
	last   int64
	record int64 // the number of the record, from 1
	at     int64 // the position of its first byte
	text   []byte
	flawed string
	rest   bool // it is all that is left of the file, which is not read
}

// tooLong is the flaw of what is longer than maxLine.
const tooLong = "longer than 65,536 bytes"

// batch is a run of lines.
type batch struct {
	lines []line
	text  []byte // of all lines
	from  int64  // the first byte
	to    int64  // the first byte after it
	last  int64  // the number of the last line, empty ones included
	err   error  // why there are no more lines

	records []Record // of the lines, once parsed
	flaws   []flaw   // of the lines; empty if there is none
	names   []string // the addresses or ids of records with flaws, as far as they can be read
	done    chan struct{}
}

// lineReader splits a file into batches.
type lineReader struct {
	scanner

	from     *bufio.Reader
	layout   layout
	position int64
	number   int64 // of lines that are read
	records  int64 // that are read
}

// lineBuffer is the size of a buffer for a line and its end.
const lineBuffer = maxLine + 2

// skipFirst skips the first line that is not empty.
func (r *lineReader) skipFirst() {
	for {
		if one, _, err := r.line(nil); err != nil || one.text != nil || one.flawed != "" {
			r.records = 0

			return
		}
	}
}

// empty returns a batch with room for lines; it reuses the memory of a finished batch if there is one.
func (r *lineReader) empty(spare *batch) *batch {
	b := &batch{from: r.position, done: make(chan struct{})}

	if spare == nil {
		b.text = make([]byte, 0, batchBytes/2)
	} else {
		clear(spare.records) // frees what they point to
		clear(spare.flaws)
		clear(spare.names)

		b.lines, b.text, b.records, b.flaws, b.names = spare.lines[:0], spare.text[:0], spare.records[:0], spare.flaws[:0], spare.names[:0]
	}

	return b
}

// next reads a batch, into the memory of a finished one; nil for none. The last batch has io.EOF, and may be empty.
func (r *lineReader) next(spare *batch) *batch {
	b := r.empty(spare)

	for len(b.lines) < batchLines && r.position-b.from < batchBytes && b.err == nil {
		var one line

		one, b.text, b.err = r.line(b.text)
		if b.err != nil && !errors.Is(b.err, io.EOF) {
			break
		}

		if one.text != nil || one.flawed != "" {
			b.lines = append(b.lines, one)
		}
	}

	b.to, b.last = r.position, r.number

	return b
}

// line reads one line and appends its text to that of the batch. An empty line has neither text nor flaw.
func (r *lineReader) line(texts []byte) (line, []byte, error) {
	if r.layout.spread() {
		return r.spread(texts)
	}

	begin := len(texts)
	one := line{number: r.number + 1, record: r.records + 1, at: r.position}

	texts, long, state, err := r.read(texts)
	one.last = r.number

	if one.last < one.number {
		return line{}, texts, err // the end of the file
	}

	// Where such a record ends is a guess, and with another one a value could pass for a record.
	if state.misplaced && one.last > one.number && !state.open() {
		r.records++
		r.fresh = true

		one, err = r.refuseRest(one, "not a record of CSV: a quotation mark in the wrong place, and line ends behind it")

		return one, texts[:begin], err
	}

	raw := bytes.TrimSuffix(bytes.TrimSuffix(texts[begin:], []byte("\n")), []byte("\r"))

	switch {
	case state.open():
		one.flawed = "a quotation mark that is never closed: the rest of the file is within it"
	case long || len(raw) > maxLine:
		one.flawed = tooLong
	default:
		one.flawed = textFlaw(raw)
	}

	if one.flawed == "" && len(bytes.TrimSpace(raw)) == 0 {
		return one, texts[:begin], err
	}

	r.records++

	if one.flawed != "" {
		return one, texts[:begin], err
	}

	one.text = raw[:len(raw):len(raw)]

	return one, texts, err
}

// textFlaw returns what makes bytes something else than text.
func textFlaw(raw []byte) string {
	switch {
	case !utf8.Valid(raw):
		return "not UTF-8"
	case bytes.IndexByte(raw, 0) >= 0:
		return "with a NUL byte in it"
	}

	return ""
}

// read appends the bytes of a line, without a byte order mark, unless they are too many. state is open if the file ends within
// quotation marks.
func (r *lineReader) read(texts []byte) (_ []byte, long bool, state quotes, err error) {
	begin := len(texts)

	for first := true; ; first = false {
		raw, err := r.from.ReadSlice('\n')
		r.position += int64(len(raw))

		if first && r.number == 0 {
			raw = bytes.TrimPrefix(raw, []byte(byteOrderMark))
		}

		if r.layout == inTable {
			state.pass(raw)
		}

		if long = long || len(texts)-begin+len(raw) > lineBuffer; !long {
			texts = append(texts, raw...)
		}

		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}

		if len(raw) > 0 {
			r.number++
		}

		if err != nil || !state.open() {
			return texts, long, state, err
		}
	}
}

// quotes is where in a record of CSV a reader is (RFC 4180). A line end within quotation marks is part of a value: a user
// who chose that value must not choose the next record of the file.
type quotes struct {
	at        mark
	misplaced bool // a mark was there that neither ends a value nor is doubled
}

type mark byte

const (
	atValue    mark = iota // before a value
	inValue                // in a value without quotation marks
	inQuotes               // in a value with them
	afterQuote             // after a mark in it: the last one, or half of one that is part of the value
	afterCR                // likewise, and a carriage return
)

func (q *quotes) open() bool { return q.at == inQuotes }

// pass continues with the text. A misplaced mark ends no value.
func (q *quotes) pass(text []byte) {
	for _, c := range text {
		switch {
		case q.at == inQuotes && c != '"':
		case q.at == inQuotes:
			q.at = afterQuote
		case q.at == atValue && c == '"', q.at == afterQuote && c == '"':
			q.at = inQuotes
		case q.at == afterQuote && c == '\r':
			q.at = afterCR
		case c == '\n', c == ',' && q.at != afterCR:
			q.at = atValue
		case q.at == afterQuote, q.at == afterCR:
			q.at, q.misplaced = inQuotes, true
		default:
			q.at = inValue
		}
	}
}

// byteOrderMark is what some programs write first.
const byteOrderMark = "\ufeff"
