package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// begin finds the interrupted import of the file, or records a new one.
func (r *run) begin(ctx context.Context, digest []byte) error {
	queries := db.New(r.conn)

	err := queries.AccountImportBegin(ctx, db.AccountImportBeginParams{
		ID: r.id, Digest: digest, Format: string(r.form.format), Source: r.source, Now: r.now,
	})
	if err != nil || digest == nil {
		return wrap(err, "begin import")
	}

	row, err := queries.AccountImportUnderWay(ctx, db.AccountImportUnderWayParams{Digest: digest, Format: string(r.form.format)})
	if postgres.IsNotFound(err) {
		return ErrOvertaken // it has just finished
	} else if err != nil {
		return fmt.Errorf("look for an earlier import: %w", err)
	}

	r.id, r.now = row.ID, row.StartedAt
	r.Line, r.Imported, r.Present, r.Refused, r.Position = row.Line, row.Imported, row.Present, row.Refused, row.Position

	return nil
}

// each passes one batch after the other to the function, in the order of the file, while the next ones are being
// parsed.
func (r *run) each(ctx context.Context, from *lineReader, bring func(context.Context, *batch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	// The number of batches at a time limits the memory.
	batches, unread, spare := make(chan *batch, 2), make(chan *batch), make(chan *batch, 4)

	go func() {
		defer close(batches)
		defer close(unread)

		for {
			var used *batch

			select {
			case used = <-spare:
			default:
			}

			b := from.next(used)

			select {
			case batches <- b:
			case <-ctx.Done():
				return
			}

			select {
			case unread <- b:
			case <-ctx.Done():
				return
			}

			if b.err != nil {
				return
			}
		}
	}()

	for range runtime.GOMAXPROCS(0) {
		go func() {
			for b := range unread {
				r.form.parse(b, r.settle)
			}
		}()
	}

	for b := range batches {
		<-b.done

		if b.err != nil && !errors.Is(b.err, io.EOF) {
			return fmt.Errorf("read the file, after line %d: %w", r.Line, b.err)
		}

		if err := bring(ctx, b); err != nil {
			return fmt.Errorf("after line %d: %w", r.Line, err)
		}

		select {
		case spare <- b:
		default:
		}
	}

	return ctx.Err()
}

// settle converts a record to the stored form. Its id follows from its time and its place in the file.
func (r *run) settle(record *Record, one line) error {
	if r.WithoutPasswords {
		record.PasswordHash = ""
	}

	return record.settle(r.now, r.Group, r.base+uint64(one.at)) //nolint:gosec // a position is not negative
}

// bringAll writes all batches.
func (r *run) bringAll(ctx context.Context, from *lineReader) error {
	if err := r.each(ctx, from, r.bring); err != nil {
		return err
	}

	return wrap(db.New(r.conn).AccountImportFinish(ctx, db.AccountImportFinishParams{ID: r.id, Now: r.Transfer.now()}), "finish import")
}

// bring writes one batch: its accounts, its remarks, and the new position, all or nothing.
func (r *run) bring(ctx context.Context, b *batch) error {
	var remarks []Remark

	next := r.Progress

	err := pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		// The pool's time limit is for statements of requests.
		if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
			return err
		}

		position, err := db.New(tx).AccountImportHold(ctx, r.id)
		if postgres.IsNotFound(err) || err == nil && position != r.Position {
			return ErrOvertaken
		} else if err != nil {
			return err
		}

		verdict, err := r.judge(ctx, tx, b)
		if err != nil {
			return err
		}

		if err := r.createGroups(ctx, tx, verdict.groups); err != nil {
			return err
		}

		refused, err := r.insert(ctx, tx, verdict.accepted)
		if err != nil {
			return err
		}

		verdict.refuse(refused)
		remarks = verdict.listed()
		next = r.after(b, verdict)

		// Before the commit: a resumed import discards the rest of the report, but keeps everything up to here.
		if err := r.report.write(remarks); err != nil {
			return err
		}

		return r.advance(ctx, tx, next)
	})
	if err != nil {
		return err
	}

	r.Progress = next
	r.reportRemarks(remarks)

	return nil
}

// after returns the progress after a batch.
func (r *run) after(b *batch, v verdict) Progress {
	next := r.Progress
	next.Line, next.Position = b.last, b.to
	next.Present += v.present
	next.Imported += int64(len(v.accepted))

	for _, remark := range v.remarks {
		if !remark.Imported {
			next.Refused++
		}
	}

	return next
}

func (r *run) advance(ctx context.Context, tx pgx.Tx, next Progress) error {
	now := r.Transfer.now()

	err := db.New(tx).AccountImportAdvance(ctx, db.AccountImportAdvanceParams{
		ID: r.id, Position: next.Position, Line: next.Line, Imported: next.Imported, Present: next.Present, Refused: next.Refused, Now: now,
	})
	if err != nil || next.Position == r.Position {
		return err
	}

	return audit.Record(ctx, tx, now, audit.Event{Action: audit.AccountImported, Subject: r.source, Detail: map[string]string{
		"import": r.id, "format": string(r.form.format),
		"lines":    fmt.Sprintf("%d-%d", min(r.Line+1, next.Line), next.Line),
		"imported": strconv.FormatInt(next.Imported-r.Imported, 10),
		"present":  strconv.FormatInt(next.Present-r.Present, 10),
		"refused":  strconv.FormatInt(next.Refused-r.Refused, 10),
	}})
}

// reportRemarks passes the remarks on.
func (r *run) reportRemarks(remarks []Remark) {
	if r.Remark != nil {
		for _, remark := range remarks {
			r.Remark(remark)
		}
	}

	if r.Options.Progress != nil {
		r.Options.Progress(r.Progress)
	}
}

// loadGroups reads the existing groups.
func (r *run) loadGroups(ctx context.Context) error {
	rows, err := db.New(r.conn).MemberGroupList(ctx)
	if err != nil {
		return fmt.Errorf("list groups: %w", err)
	}

	r.groups = map[string]bool{}
	for _, row := range rows {
		r.groups[row.Name] = true
	}

	if !r.groups[r.Group] && !r.CreateGroups {
		return fmt.Errorf("there is no member group %q; there are %s", r.Group, r.groupNames())
	}

	return nil
}

// groupNames lists the groups, at a readable length.
func (r *run) groupNames() string {
	const most = 50

	names := slices.Sorted(maps.Keys(r.groups))
	if len(names) > most {
		names = append(names[:most], "…")
	}

	return strings.Join(names, ", ")
}

// createGroups creates groups whose members have no rights.
func (r *run) createGroups(ctx context.Context, tx pgx.Tx, names []string) error {
	for _, name := range names {
		now := r.Transfer.now()

		_, err := db.New(tx).MemberGroupCreate(ctx, db.MemberGroupCreateParams{Name: name, Rights: []string{}, Now: now})
		if postgres.IsNotFound(err) {
			continue // created by another transaction meanwhile
		} else if err != nil {
			return fmt.Errorf("create group: %w", err)
		}

		if err := audit.Record(ctx, tx, now, audit.Event{Action: audit.GroupCreated, Subject: name}); err != nil {
			return err
		}
	}

	return nil
}

func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}

	return fmt.Errorf("%s: %w", doing, err)
}
