package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

const (
	// maxLine is the longest line that is looked at. A longer one is reported and passed over, and is at no time in
	// memory as a whole.
	maxLine = 64 << 10
	// A batch ends at so many lines or bytes, whichever is first.
	batchLines = 5_000
	batchBytes = 4 << 20
)

// line is one of a file. Its text has no line end; flawed says why there is none.
type line struct {
	number int64
	text   []byte
	flawed string
}

// batch is a run of lines.
type batch struct {
	lines []line
	text  []byte // of all lines
	from  int64  // the first byte
	to    int64  // the first byte after it
	last  int64  // the number of the last line, empty ones included
	err   error  // why there are no more

	records []Record // of the lines, once read
	flaws   []flaw   // of the lines; empty if there is none
	done    chan struct{}
}

// lineReader splits a file into batches.
type lineReader struct {
	from     *bufio.Reader
	position int64
	number   int64
}

// lineBuffer is the size of a buffer that a line fits into with its end.
const lineBuffer = maxLine + 2

// skipFirst passes over the first line that is not empty.
func (r *lineReader) skipFirst() {
	for {
		if one, _, err := r.line(nil); err != nil || one.text != nil || one.flawed != "" {
			return
		}
	}
}

// empty is a batch with room for lines, that of one that is done with where there is one.
func (r *lineReader) empty(spare *batch) *batch {
	b := &batch{from: r.position, done: make(chan struct{})}

	if spare == nil {
		b.text = make([]byte, 0, batchBytes/2)
	} else {
		clear(spare.records) // lets go of what they point to
		clear(spare.flaws)

		b.lines, b.text, b.records, b.flaws = spare.lines[:0], spare.text[:0], spare.records[:0], spare.flaws[:0]
	}

	return b
}

// next reads a batch, into the room of one that is done with; nil for none. The last one has io.EOF, and may be empty.
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

// line reads one, whose text it adds to the others' of the batch. An empty one has neither text nor flaw.
func (r *lineReader) line(texts []byte) (line, []byte, error) {
	raw, err := r.from.ReadSlice('\n')
	r.position += int64(len(raw))

	if len(raw) == 0 && err != nil {
		return line{}, texts, err
	}

	r.number++
	one := line{number: r.number}

	if errors.Is(err, bufio.ErrBufferFull) {
		one.flawed = "longer than 65,536 bytes"

		for errors.Is(err, bufio.ErrBufferFull) {
			raw, err = r.from.ReadSlice('\n')
			r.position += int64(len(raw))
		}

		return one, texts, err
	}

	raw = bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r"))
	if r.number == 1 {
		raw = bytes.TrimPrefix(raw, []byte(byteOrderMark))
	}

	switch {
	case len(raw) > maxLine:
		one.flawed = "longer than 65,536 bytes"
	case !utf8.Valid(raw):
		one.flawed = "not UTF-8"
	case bytes.IndexByte(raw, 0) >= 0:
		one.flawed = "with a NUL byte in it"
	case len(bytes.TrimSpace(raw)) > 0:
		begin := len(texts)
		texts = append(texts, raw...)
		one.text = texts[begin:len(texts):len(texts)]
	}

	return one, texts, err
}

// byteOrderMark is what some programs write first.
const byteOrderMark = "\ufeff"
