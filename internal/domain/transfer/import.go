package transfer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// ErrOvertaken reports that another process is importing the same file.
var ErrOvertaken = errors.New("another process is importing the same file, and has continued meanwhile")

// Input is a file of accounts.
type Input struct {
	Name string
	From io.Reader
	// Size is 0 if unknown. An import of an io.ReadSeeker with a size can be resumed.
	Size int64
}

// Options are the options of an import.
type Options struct {
	Format       Format
	Group        string // for accounts without a group in the file
	CreateGroups bool   // create missing groups, without rights
	DryRun       bool   // do everything except write
	Report       string // a file for all remarks, as JSON lines; empty for none

	Firebase         *password.FirebaseConfig // for hashes of Firebase; nil if unknown
	WithoutPasswords bool                     // import no password hash
	// TrustUnverified imports passwords, phones and authenticator apps of accounts whose address the earlier system never
	// confirmed.
	TrustUnverified bool

	Remark   func(Remark)   // called for each remark; may be nil
	Progress func(Progress) // called before the first batch and after each; may be nil
}

// Import imports a file. Each batch is committed together with the position in the file: importing the same file again
// resumes after it. The result counts from the beginning of the file.
func (t *Transfer) Import(ctx context.Context, in Input, o Options) (Progress, error) {
	// Its own connection, without a time limit: no request waits for it, and a failed import can be resumed.
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
	now    time.Time // for times missing in the file; that of the first run if this one resumes
	id     string    // of its row
	base   uint64    // of the ordinals of ids
	groups map[string]bool
	report *report
}

// open detects the format of the file, and how much of it is already imported.
func (r *run) open(ctx context.Context, in Input) (*lineReader, error) {
	from := bufio.NewReaderSize(in.From, lineBuffer)

	var err error
	if r.form, err = formOf(from, r.Options); err != nil {
		return nil, err
	}

	r.Progress.Format = r.form.format

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

	r.id = randomid.New()

	if !r.DryRun {
		if err := r.begin(ctx, digest); err != nil {
			return nil, err
		}
	}

	r.base = baseOf(r.id)

	if digest != nil {
		if _, err := file.Seek(r.Position, io.SeekStart); err != nil {
			return nil, fmt.Errorf("go to where it was broken off: %w", err)
		}

		from.Reset(file)
	}

	if r.report, err = openReport(r.Report, Remark{Line: r.Line, Record: r.recordOf(r.Imported + r.Present + r.Refused)}); err != nil {
		return nil, err
	}

	lines := &lineReader{from: from, layout: r.form.layout, position: r.Position, number: r.Line, records: r.Imported + r.Present + r.Refused}
	lines.resume(in.Size)

	if lines.layout == inTable && r.Position == 0 {
		lines.skipFirst()
	}

	return lines, nil
}

// recordOf returns the number of a record if a line does not identify it, and 0 otherwise.
func (r *run) recordOf(number int64) int64 {
	if !r.form.layout.spread() {
		return 0
	}

	return number
}

// baseOf returns what the ordinals of the ids of an import begin with: those of an import that resumes continue, and those of two
// imports do not meet. It leaves room for the position in a file.
func baseOf(id string) uint64 {
	sum := sha256.Sum256([]byte(id))

	return binary.BigEndian.Uint64(sum[:8]) >> 11
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
