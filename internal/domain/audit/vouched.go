package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
)

// checkpoints checks the checkpoints of a segment against its links.
func (w *walk) checkpoints(ctx context.Context, p *segment) error {
	until := w.head.Seq

	for {
		var rows []db.AuditCheckpointListRow

		err := w.read(ctx, func(ctx context.Context, queries *db.Queries) error {
			var err error
			rows, err = queries.AuditCheckpointList(ctx, db.AuditCheckpointListParams{
				AfterSeq: w.looked.seq, AfterID: w.looked.id, Until: until, Most: verifyPage,
			})

			return err
		})
		if err != nil {
			return err
		}

		for _, row := range rows {
			w.checkpoint(p, row)

			w.looked = position{seq: row.Seq, id: row.ID}
		}

		if len(rows) < verifyPage {
			return nil
		}
	}
}

func (w *walk) checkpoint(p *segment, row db.AuditCheckpointListRow) {
	head, there := p.headAt(row.Seq)
	if !there {
		w.verdict.fault("link %d is missing, for which checkpoint %d vouches", row.Seq, row.ID)

		return
	}

	at, _ := received(row.At)

	verdict := w.chain.judge(head, row.At, row.KeyID, row.Mac)
	if one := w.suspect; verdict == doesNotFit && one != nil && one.want.Seq == row.Seq && w.chain.judge(one.want, row.At, row.KeyID, row.Mac) == vouches {
		w.settle(func(Head) bool { return true }) // the link was altered, and no later link shows which

		verdict = vouches
	}

	switch verdict {
	case vouches:
		w.vouchedSeq = row.Seq
		w.sealedAt(row.Seq, at)
	case doesNotFit:
		w.verdict.fault("checkpoint %d does not fit link %d: one of them was altered, or the links up to it were written anew", row.ID, row.Seq)
	case unknownKey:
		// A key that is no longer configured sealed this, or is said to have.
		if w.retired++; w.retiredKeys == nil {
			w.retiredKeys = map[int16]bool{}
		}

		w.retiredKeys[row.KeyID] = true
		w.sealedAt(row.Seq, time.Time{})
	}
}

// remember keeps an event until a checkpoint shows when it was sealed. There is one for every thousand links at least;
// a missing one is already a fault.
func (w *walk) remember(event happening) {
	if len(w.unvouched) > 2*verifyPage {
		w.unvouched = nil
	}

	w.unvouched = append(w.unvouched, event)
}

// sealedAt checks how long the events up to seq waited. It reveals a chain that was cut back and sealed again: without
// the key no one can backdate a checkpoint.
func (w *walk) sealedAt(seq int64, at time.Time) {
	for len(w.unvouched) > 0 && w.unvouched[0].seq <= seq {
		if one := w.unvouched[0]; at.Sub(one.at) > sealedLate {
			if w.late++; w.late == 1 {
				w.firstLate = one
			}
		}

		w.unvouched = w.unvouched[1:]
	}
}

// end checks the end of the chain. checkpoints is where the checkpoints end.
func (w *walk) end(checkpoints int64) {
	v := &w.verdict
	v.Head = w.head

	if w.kept.Seq > v.Head.Seq {
		v.fault("link %d, which was kept, is missing: the chain ends with %d", w.kept.Seq, v.Head.Seq)
	}

	if checkpoints > v.Head.Seq {
		v.fault("%s, for which there are checkpoints", missing(v.Head.Seq+1, checkpoints))
	}

	if w.vouchedSeq < v.Head.Seq {
		w.notVouched()
	} else if w.retired > 0 {
		v.note("%d checkpoints are by keys that are not in MASTER_KEY; a newer one vouches for the same links", w.retired)
	}

	if w.late > 0 {
		v.note("%d events were sealed more than an hour after they had happened, first event %d of %s. So are those of before there was a chain, and of an outage; "+
			"any others say that the chain was cut back and sealed again", w.late, w.firstLate.id, w.firstLate.at.Format(time.RFC3339))
	}
}

// notVouched distinguishes a missing key from a missing checkpoint.
func (w *walk) notVouched() {
	from, to := w.vouchedSeq+1, w.head.Seq

	if w.retired == 0 {
		w.verdict.fault("no checkpoint vouches for links %d to %d under this MASTER_KEY", from, to)

		return
	}

	var ids []string
	for _, id := range slices.Sorted(maps.Keys(w.retiredKeys)) {
		ids = append(ids, fmt.Sprint(id))
	}

	w.verdict.fault("no checkpoint vouches for links %d to %d by a key that is in MASTER_KEY; there are some by %s, which has to be there for as long as no newer one vouches",
		from, to, strings.Join(ids, ", "))
}
