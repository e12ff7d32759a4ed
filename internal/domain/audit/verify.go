package audit

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	// verifyPage is how many rows are read at a time.
	verifyPage = 2000
	// verifyTimeout is the time limit of each query.
	verifyTimeout = 20 * time.Second
	// sealedLate is the delay of a seal from which Verify adds a note.
	sealedLate = time.Hour
)

// Progress receives, from time to time, how far Verify is with a part of its work.
type Progress func(part string, done, of int64)

// Verify checks the whole chain and all events. kept is a head that was kept elsewhere, or the zero value. It locks
// nothing and holds one page in memory: the server may continue meanwhile.
func (c *Chain) Verify(ctx context.Context, kept Head, progress Progress) (Verdict, error) {
	w := &walk{chain: c, kept: kept}

	for _, part := range []func(context.Context, Progress) error{w.links, w.events, w.queue} {
		if err := part(ctx, progress); err != nil {
			return Verdict{}, fmt.Errorf("verify: %w", err)
		}
	}

	return w.verdict, nil
}

// walk is the state of a verification.
type walk struct {
	chain   *Chain
	kept    Head
	verdict Verdict

	head    Head     // the previous link, as it is in the database
	broken  bool     // the previous link is missing, so the next cannot be checked against it
	suspect *suspect // the previous link, if it does not fit

	looked      position // the last checkpoint that was checked
	vouchedSeq  int64    // the last link that a checkpoint vouches for
	retired     int64    // checkpoints by keys that are no longer configured
	retiredKeys map[int16]bool

	unvouched []happening // events since the last checkpoint
	late      int64       // events that were sealed long after they happened
	firstLate happening
}

type position struct{ seq, id int64 }

type happening struct {
	seq, id int64
	at      time.Time
}

// read runs one query with its own time limit.
func (w *walk) read(ctx context.Context, run func(ctx context.Context, queries *db.Queries) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("broken off: %w", err)
	}

	return w.chain.db.Do(postgres.WithRetryBudget(ctx, verifyTimeout), func(ctx context.Context, conn *pgxpool.Conn) error {
		return run(ctx, db.New(postgres.Planned(conn)))
	})
}

// links checks every link from the first to the current last.
func (w *walk) links(ctx context.Context, progress Progress) error {
	var ends db.AuditCheckpointEndRow

	err := w.read(ctx, func(ctx context.Context, queries *db.Queries) error {
		var err error
		ends, err = queries.AuditCheckpointEnd(ctx)

		return err
	})
	if err != nil {
		return err
	}

	for {
		part, err := w.segment(ctx, ends.Links)
		if err != nil {
			return err
		}

		if len(part.links) == 0 {
			break
		}

		for i := range part.links {
			w.link(part.links[i], part.events[part.links[i].EventID])
		}

		if err := w.checkpoints(ctx, part); err != nil {
			return err
		}

		progress("links", w.head.Seq, ends.Links)
	}

	w.settle(nil)
	w.end(ends.Checkpoints)

	return nil
}

// segment is a run of links, and their events.
type segment struct {
	links  []db.AuditLink
	events map[int64]*sealed
}

// headAt returns the link as it is in the database.
func (p *segment) headAt(seq int64) (Head, bool) {
	// Almost always there are no gaps.
	if len(p.links) > 0 {
		if i := seq - p.links[0].Seq; i >= 0 && i < int64(len(p.links)) && p.links[i].Seq == seq {
			return headOf(seq, p.links[i].Hash), true
		}
	}

	for _, one := range p.links {
		if one.Seq == seq {
			return headOf(seq, one.Hash), true
		}
	}

	return Head{}, false
}

// segment reads the next links, up to the one at until.
func (w *walk) segment(ctx context.Context, until int64) (*segment, error) {
	p := &segment{events: map[int64]*sealed{}}

	err := w.read(ctx, func(ctx context.Context, queries *db.Queries) error {
		var err error
		p.links, err = queries.AuditLinkList(ctx, db.AuditLinkListParams{After: w.head.Seq, Until: until, Most: verifyPage})

		return err
	})
	if err != nil || len(p.links) == 0 {
		return p, err
	}

	ids := make([]int64, len(p.links))
	for i, link := range p.links {
		ids[i] = link.EventID
	}

	return p, w.read(ctx, func(ctx context.Context, queries *db.Queries) error {
		events, err := queries.AuditLinkEvents(ctx, db.AuditLinkEventsParams{Ids: ids, Most: verifyPage})
		for i := range events {
			p.events[events[i].ID] = &events[i]
		}

		return err
	})
}

// suspect is a link that does not fit: either its event or its own hash was changed. The next link shows which.
type suspect struct {
	eventID int64
	want    Head
}

// link checks a link against its event and the previous link. event is nil if it is deleted.
func (w *walk) link(row db.AuditLink, event *sealed) {
	v := &w.verdict
	v.Sealed++

	if want := w.head.Seq + 1; row.Seq != want {
		w.settle(nil)
		v.fault("%s", missing(want, row.Seq-1))
		w.broken = true
	}

	found := headOf(row.Seq, row.Hash)

	if event == nil {
		w.settle(nil)

		if w.head.nextGone(row.EventID) == found {
			v.fault("event %d is gone; it was when link %d was made", row.EventID, row.Seq)
		} else {
			v.fault("event %d is gone, of which link %d tells", row.EventID, row.Seq)
		}
	} else {
		w.settle(func(want Head) bool { return want.next(event) == found })

		if want := w.head.next(event); want != found && !w.broken {
			w.suspect = &suspect{eventID: row.EventID, want: want}
		}

		if at, known := received(event.At); known {
			v.happened(at)
			w.remember(happening{seq: row.Seq, id: row.EventID, at: at})
		}
	}

	w.head, w.broken = found, false

	if row.Seq == w.kept.Seq && found != w.kept {
		v.fault("link %d is not the one that was kept: its hash is %x", row.Seq, found.Hash)
	}
}

func missing(from, to int64) string {
	if from == to {
		return fmt.Sprintf("link %d is missing", from)
	}

	return fmt.Sprintf("links %d to %d are missing", from, to)
}

// settle decides about a suspect. goesOn reports whether the next link follows from the hash that the suspect should
// have: then only its hash was altered, and its event is unchanged.
func (w *walk) settle(goesOn func(want Head) bool) {
	one := w.suspect
	if one == nil {
		return
	}

	w.suspect = nil

	if goesOn != nil && goesOn(one.want) {
		w.verdict.fault("link %d, of event %d, was altered", one.want.Seq, one.eventID)
		w.head = one.want
	} else {
		w.verdict.fault("event %d was changed, of which link %d tells", one.eventID, one.want.Seq)
	}
}

// events finds events that are neither sealed nor queued.
func (w *walk) events(ctx context.Context, progress Progress) error {
	seen, after := int64(0), int64(math.MinInt64)

	for {
		var (
			window db.AuditEventWindowRow
			found  []int64
		)

		err := w.read(ctx, func(ctx context.Context, queries *db.Queries) error {
			var err error
			if window, err = queries.AuditEventWindow(ctx, db.AuditEventWindowParams{After: after, Most: verifyPage}); err != nil {
				return fmt.Errorf("events: %w", err)
			}

			found, err = queries.AuditLinkLacking(ctx, db.AuditLinkLackingParams{After: after, Until: window.Until, Most: verifyPage})

			return err
		})
		if err != nil || window.Events == 0 {
			return err
		}

		for _, id := range found {
			w.verdict.fault("event %d is neither sealed nor queued: it was written by another program, or its link was removed", id)
		}

		seen, after = seen+window.Events, window.Until
		progress("events", seen, max(seen, w.verdict.Sealed))
	}
}

// queue checks the waiting events.
func (w *walk) queue(ctx context.Context, _ Progress) error {
	return w.read(ctx, func(ctx context.Context, queries *db.Queries) error {
		count, err := queries.AuditUnsealedCount(ctx, w.chain.now().Add(-sealedLate))
		if err != nil {
			return fmt.Errorf("queue: %w", err)
		}

		gone, err := queries.AuditUnsealedGone(ctx, faultsKept)
		if err != nil {
			return fmt.Errorf("queue: %w", err)
		}

		w.verdict.Waiting = count.Waiting

		if count.Late > 0 {
			w.verdict.note("%d events have waited for longer than an hour to be sealed: is a server running?", count.Late)
		}

		for _, id := range gone {
			w.verdict.fault("event %d is gone, before it was sealed", id)
		}

		return nil
	})
}
