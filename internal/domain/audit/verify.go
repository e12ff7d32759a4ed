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
	// verifyPage is how much is read at a time.
	verifyPage = 2000
	// verifyPatience is how long each reading may take.
	verifyPatience = 20 * time.Second
	// sealedLate is when an event that waits, or has waited, is worth a word.
	sealedLate = time.Hour
)

// Progress is told now and then how far Verify is with a part of its work.
type Progress func(part string, done, of int64)

// Verify looks through the whole chain and all events. kept is a head that was kept elsewhere, or the zero value. Nothing
// is locked, and nothing held in memory but a page: the server may go on meanwhile.
func (c *Chain) Verify(ctx context.Context, kept Head, progress Progress) (Verdict, error) {
	w := &walk{chain: c, kept: kept}

	for _, part := range []func(context.Context, Progress) error{w.links, w.events, w.queue} {
		if err := part(ctx, progress); err != nil {
			return Verdict{}, fmt.Errorf("verify: %w", err)
		}
	}

	return w.verdict, nil
}

// walk is where a verification stands.
type walk struct {
	chain   *Chain
	kept    Head
	verdict Verdict

	head    Head     // the link before, as it is in the database
	broken  bool     // the link before is missing, and the next cannot be held against it
	suspect *suspect // the link before, where it does not fit

	looked      position // the last checkpoint that was looked at
	vouchedSeq  int64    // the last link that a checkpoint vouches for
	retired     int64    // checkpoints by keys that are not here
	retiredKeys map[int16]bool

	unvouched []happening // events since the last checkpoint
	late      int64       // events that were sealed long after they had happened
	firstLate happening
}

type position struct{ seq, id int64 }

type happening struct {
	seq, id int64
	at      time.Time
}

// read runs one query, which has its time to itself.
func (w *walk) read(ctx context.Context, run func(ctx context.Context, queries *db.Queries) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("broken off: %w", err)
	}

	return w.chain.db.Do(postgres.WithRetryBudget(ctx, verifyPatience), func(ctx context.Context, conn *pgxpool.Conn) error {
		return run(ctx, db.New(postgres.Planned(conn)))
	})
}

// links walks from the first link to the one that is the last now.
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
		page, err := w.page(ctx, ends.Links)
		if err != nil {
			return err
		}

		if len(page.links) == 0 {
			break
		}

		for i := range page.links {
			w.link(page.links[i], page.events[page.links[i].EventID])
		}

		if err := w.checkpoints(ctx, page); err != nil {
			return err
		}

		progress("links", w.head.Seq, ends.Links)
	}

	w.settle(nil)
	w.end(ends.Checkpoints)

	return nil
}

// page is links, and the events that they are about.
type page struct {
	links  []db.AuditLink
	events map[int64]*sealed
}

// headAt returns the link as it is in the database.
func (p *page) headAt(seq int64) (Head, bool) {
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

// page reads the next links, to the one at until.
func (w *walk) page(ctx context.Context, until int64) (*page, error) {
	p := &page{events: map[int64]*sealed{}}

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

// suspect is a link that does not fit: its event was changed, or its own hash. The link after it tells which.
type suspect struct {
	eventID int64
	want    Head
}

// link holds one against its event and the link before. event is nil if that is gone.
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

// settle passes judgement on a suspect. goesOn reports whether the next link follows from what the suspect should have
// been: then its hash was altered, and its event is as it was.
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

// events looks for those that are neither sealed nor queued.
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
			w.verdict.fault("event %d is neither sealed nor queued: somebody else wrote it, or took its link away", id)
		}

		seen, after = seen+window.Events, window.Until
		progress("events", seen, max(seen, w.verdict.Sealed))
	}
}

// queue looks at what waits.
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
