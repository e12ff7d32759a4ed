package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrFormat reports a file in an unknown format.
var ErrFormat = errors.New("the format of the file is unknown")

// form is how a file is parsed.
type form struct {
	format Format
	read   func(line []byte) (Record, error)
	names  map[string]string // the file's names of fields, if they differ from ours
}

// formOf reads the beginning of a file and leaves its position unchanged.
func formOf(from *bufio.Reader, format Format) (form, error) {
	head, err := from.Peek(maxLine)
	if err != nil && !errors.Is(err, io.EOF) {
		return form{}, fmt.Errorf("read the first line: %w", err)
	}

	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return form{}, fmt.Errorf("%w: it is in UTF-16; save it as UTF-8", ErrFormat)
	}

	first := firstLine(head)

	if format == Auto {
		if format, err = guess(first); err != nil {
			return form{}, err
		}
	}

	switch format {
	case Gateway:
		return form{format, readGateway, gatewayNames}, nil
	case Public:
		return form{format, readPublic, publicNames}, nil
	case JSON:
		return form{format, readJSON, nil}, nil
	case CSV:
		read, err := csvReader(first)
		if err != nil {
			return form{}, fmt.Errorf("%w: %w", ErrFormat, err)
		}

		return form{format, read, nil}, nil
	default:
		return form{}, fmt.Errorf("%w: %s", ErrFormat, format)
	}
}

// firstLine returns the first line that is not empty.
func firstLine(head []byte) []byte {
	for one := range bytes.Lines(bytes.TrimPrefix(head, []byte(byteOrderMark))) {
		if one = bytes.TrimSpace(one); len(one) > 0 {
			return one
		}
	}

	return nil
}

// guess looks for names that only one of the formats has.
func guess(first []byte) (Format, error) {
	if len(first) == 0 {
		return "", fmt.Errorf("%w: it is empty", ErrFormat)
	}

	if first[0] == '[' {
		return "", fmt.Errorf("%w: an array; one object per line is required, which is mongoexport without --jsonArray", ErrFormat)
	}

	if first[0] != '{' {
		if _, err := csvReader(first); err != nil {
			return "", fmt.Errorf("%w: neither JSON nor CSV: %w", ErrFormat, err)
		}

		return CSV, nil
	}

	var members map[string]jsontext.Value
	if err := json.Unmarshal(first, &members); err != nil {
		return "", fmt.Errorf("%w: the first line is not a JSON object; use --format", ErrFormat)
	}

	has := func(names ...string) bool {
		for _, name := range names {
			if _, there := members[name]; there {
				return true
			}
		}

		return false
	}

	switch {
	case has("username"):
		return Gateway, nil
	case has("_id") && has("create_time", "update_time", "status", "sessions", "totp", "lark"):
		return Public, nil
	case has("email") && !has("_id"):
		return JSON, nil
	}

	return "", fmt.Errorf("%w: the first line does not show which; use --format", ErrFormat)
}

// parse parses the lines of a batch, in any goroutine.
func (f form) parse(b *batch, settle func(*Record) error) {
	defer close(b.done)

	b.records = slices.Grow(b.records, len(b.lines))[:len(b.lines)]
	b.flaws = slices.Grow(b.flaws, len(b.lines))[:len(b.lines)]

	for i, one := range b.lines {
		if one.flawed != "" {
			b.flaws[i] = flaw{reason: one.flawed}

			continue
		}

		record, err := f.read(one.text)
		if err == nil {
			err = settle(&record)
		}

		if err != nil {
			b.flaws[i] = flawOf(err, f.names)

			continue
		}

		b.records[i] = record
	}
}
