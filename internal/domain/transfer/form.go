package transfer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrFormat reports a file in a format that is unknown or not read.
var ErrFormat = errors.New("the file cannot be read as accounts")

// form is how a file is parsed.
type form struct {
	format   Format
	layout   layout
	read     func(text []byte) (Record, error)
	names    map[string]string          // the file's names of fields, if they differ from ours
	identify func(text []byte) []string // texts that may be the address or the id of a record that cannot be parsed
}

// formOf reads the beginning of a file and leaves its position unchanged.
func formOf(from *bufio.Reader, o Options) (form, error) {
	head, err := from.Peek(maxLine)
	if err != nil && !errors.Is(err, io.EOF) {
		return form{}, fmt.Errorf("read the first line: %w", err)
	}

	if err := notText(head); err != nil {
		return form{}, err
	}

	seen, format := look(head), o.Format
	if format == Auto {
		if format, err = seen.format(); err != nil {
			return form{}, err
		}
	}

	f := form{format: format, layout: seen.layout, identify: identifyJSON}

	switch format {
	case Gateway:
		f.read, f.names = readGateway, gatewayNames
	case Public:
		f.read, f.names = readPublic, publicNames
	case Firebase:
		f.read, f.names = o.readFirebase, firebaseNames
	case Auth0:
		f.read, f.names = o.readAuth0, auth0Names
	case Keycloak:
		f.read, f.names = o.readKeycloak, keycloakNames
	case JSON:
		f.read = readJSON
	case CSV:
		f.layout = inTable

		if f.read, f.identify, err = csvReader(firstLine(head)); err != nil {
			return form{}, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	default:
		return form{}, fmt.Errorf("%w: %s", ErrFormat, format)
	}

	if format != CSV && f.layout == inTable {
		f.layout = inLines // and each is refused
	}

	return f, nil
}

// parse parses the lines of a batch, in any goroutine.
func (f form) parse(b *batch, settle func(*Record, line) error) {
	defer close(b.done)

	b.records = slices.Grow(b.records, len(b.lines))[:len(b.lines)]
	b.flaws = slices.Grow(b.flaws, len(b.lines))[:len(b.lines)]
	b.names = slices.Grow(b.names, len(b.lines))[:len(b.lines)]

	for i, one := range b.lines {
		if one.flawed != "" {
			b.flaws[i] = flaw{reason: one.flawed}

			continue
		}

		record, err := f.read(one.text)
		if err == nil {
			err = settle(&record, one)
		}

		if err != nil {
			b.flaws[i] = flawOf(err, f.names)
			b.names[i] = nameOf(f.identify(one.text))

			continue
		}

		b.records[i] = record
		b.names[i] = record.Email
	}
}
