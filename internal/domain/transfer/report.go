package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-json-experiment/json"
)

// report is a file with a line of JSON for each remark.
type report struct {
	file *os.File // nil for none
}

// openReport begins a report, or continues that of an import that was interrupted after the record or line of last: remarks about
// later ones belong to a batch that was not committed, and will be written again.
func openReport(path string, last Remark) (*report, error) {
	if path == "" {
		return &report{}, nil
	}

	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator chooses the path
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}

	end, err := endOf(file, last)
	if err == nil {
		err = file.Truncate(end)
	}

	if err == nil {
		_, err = file.Seek(end, io.SeekStart)
	}

	if err != nil {
		return nil, errors.Join(fmt.Errorf("report: %w", err), file.Close())
	}

	return &report{file: file}, nil
}

// errNoReport keeps the report from overwriting another file, for example the accounts themselves, by mistake.
var errNoReport = errors.New("the file exists, and is not a report")

// endOf returns the position where the remarks about records or lines up to the last one end.
func endOf(file io.Reader, last Remark) (end int64, err error) {
	for lines := bufio.NewReaderSize(file, lineBuffer); ; {
		text, err := lines.ReadSlice('\n')
		if len(text) == 0 && errors.Is(err, io.EOF) {
			return end, nil
		}

		var remark Remark
		if json.Unmarshal(text, &remark, json.RejectUnknownMembers(true)) != nil || remark.Line == 0 {
			// Only the last line can be incomplete, after a kill.
			if errors.Is(err, io.EOF) && end > 0 {
				return end, nil
			}

			return 0, errNoReport
		}

		if later := remark.Line > last.Line; remark.Record == 0 && later || remark.Record > last.Record {
			return end, nil
		}

		end += int64(len(text))
	}
}

// write appends remarks durably.
func (r *report) write(remarks []Remark) error {
	if r.file == nil || len(remarks) == 0 {
		return nil
	}

	var text bytes.Buffer

	for _, remark := range remarks {
		if err := json.MarshalWrite(&text, remark); err != nil {
			return fmt.Errorf("report: %w", err)
		}

		text.WriteByte('\n')
	}

	if _, err := r.file.Write(text.Bytes()); err != nil {
		return fmt.Errorf("report: %w", err)
	}

	return wrap(r.file.Sync(), "report")
}

func (r *report) close() error {
	if r.file == nil {
		return nil
	}

	return wrap(r.file.Close(), "report")
}
