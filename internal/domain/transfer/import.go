package transfer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrOvertaken says that the same file is being imported by somebody else.
var ErrOvertaken = errors.New("the same file is being imported elsewhere, which has gone on meanwhile")

// Input is a file of accounts.
type Input struct {
	Name string
	From io.Reader
	// Size is 0 where it is not known. An io.ReadSeeker with a size can be gone on with after a break.
	Size int64
}

// Options say how to import.
type Options struct {
	Format       Format
	Group        string // of those that a file names none for
	CreateGroups bool   // make a group that is missing, without rights
	DryRun       bool   // do everything but write
	Report       string // a file for every remark, as JSON lines; empty for none

	Remark   func(Remark)   // is told each; nil for nobody
	Progress func(Progress) // is told after each batch, and before the first; nil for nobody
}

// Import brings a file in. What is in after each batch is committed together with how far it is: the same file again
// goes on behind it. The result counts from the beginning of the file.
func (t *Transfer) Import(ctx context.Context, in Input, o Options) (Progress, error) {
	// A connection of its own, for as long as it takes: nobody waits for an answer, and a failure is gone on behind.
	conn, err := t.db.Pool().Acquire(ctx)
	if err != nil {
		return Progress{}, fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()

	r := &run{Transfer: t, Options: o, conn: conn, source: in.Name, now: t.now(), Progress: Progress{Size: in.Size}}

	from, err := r.open(ctx, in)
	if err != nil {
		return r.Progress, err
	}

	r.reportRemarks(nil)

	if o.DryRun {
		err = r.rehearse(ctx, from)
	} else {
		err = r.bringAll(ctx, from)
	}

	return r.Progress, errors.Join(err, r.report.close())
}

// run is one import.
type run struct {
	*Transfer
	Options
	Progress

	conn   *pgxpool.Conn
	source string
	form   form
	now    time.Time // of what no file says; that of the first run where this one goes on
	id     string    // of its row
	groups map[string]bool
	report *report
}

// open finds out what the file is, and how far it is in already.
func (r *run) open(ctx context.Context, in Input) (*lineReader, error) {
	from := bufio.NewReaderSize(in.From, lineBuffer)

	var err error
	if r.form, err = formOf(from, r.Format); err != nil {
		return nil, err
	}

	if err := r.loadGroups(ctx); err != nil {
		return nil, err
	}

	var digest []byte

	file, seekable := in.From.(io.ReadSeeker)
	if seekable && in.Size > 0 && !r.DryRun {
		if digest, err = digestOf(file); err != nil {
			return nil, err
		}
	}

	if !r.DryRun {
		if err := r.begin(ctx, digest); err != nil {
			return nil, err
		}
	}

	if digest != nil {
		if _, err := file.Seek(r.Position, io.SeekStart); err != nil {
			return nil, fmt.Errorf("go to where it was broken off: %w", err)
		}

		from.Reset(file)
	}

	if r.report, err = openReport(r.Report, r.Line); err != nil {
		return nil, err
	}

	lines := &lineReader{from: from, position: r.Position, number: r.Line}
	if r.form.format == CSV && r.Position == 0 {
		lines.skipFirst()
	}

	return lines, nil
}

func digestOf(file io.ReadSeeker) ([]byte, error) {
	digest := sha256.New()

	_, err := file.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.Copy(digest, file)
	}

	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}

	return digest.Sum(nil), nil
}
