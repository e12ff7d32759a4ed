package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	// sealLock is a number that only this package uses: the advisory lock of sealing.
	sealLock = 0x746b_7365 // "tkse"
	// sealBatch is how many events are sealed in one transaction, which ends in one checkpoint.
	sealBatch = 1000
	// sealRetryBudget is how long a batch may take; usually 30 ms.
	sealRetryBudget = 5 * time.Second
)

// ErrNotVouched refuses to continue a chain whose end is not as the server left it: new links would vouch for what
// others have written. The events wait in the queue until an operator has repaired the chain.
var ErrNotVouched = errors.New("the end of the audit chain is not what the server has sealed, and nothing is added to it: run `toolkit-gateway audit verify`")

// Seal adds waiting events to the chain, at most one batch, and returns how many. It returns 0 if there are none, or if
// another process is sealing.
func (c *Chain) Seal(ctx context.Context) (int, error) {
	var (
		count int
		head  Head
		busy  bool
	)

	err := c.db.InTx(postgres.WithRetryBudget(ctx, sealRetryBudget), func(ctx context.Context, tx postgres.Tx) error {
		queries := db.New(tx)

		ours, err := queries.AuditLinkLock(ctx, sealLock)
		if busy = !ours; err != nil || busy {
			return err
		}

		if head, err = c.vouchedHead(ctx, queries); err != nil {
			return err
		}

		var events []int64
		if head, events, err = lengthen(ctx, queries, head); err != nil {
			return err
		}

		if err := advanceCounts(ctx, queries, head); err != nil {
			return err
		}

		if count = len(events); count == 0 {
			return nil
		}

		if err := c.vouch(ctx, queries, head); err != nil || c.onSeal == nil {
			return err
		}

		return c.onSeal(ctx, tx, events)
	})
	if err != nil {
		return 0, fmt.Errorf("seal: %w", err)
	}

	if !busy {
		c.known = head
	}

	return count, nil
}

// lengthen takes events off the queue, adds their links, and returns the events.
func lengthen(ctx context.Context, queries *db.Queries, head Head) (Head, []int64, error) {
	ids, err := take(ctx, queries)
	if err != nil || len(ids) == 0 {
		return head, nil, err
	}

	events, err := queries.AuditLinkEvents(ctx, db.AuditLinkEventsParams{Ids: ids, Most: sealBatch})
	if err != nil {
		return head, nil, fmt.Errorf("events: %w", err)
	}

	links := db.AuditLinkAppendParams{EventIds: ids}

	for _, id := range ids {
		if len(events) > 0 && events[0].ID == id {
			head = head.next(&events[0])
			events = events[1:]
		} else {
			head = head.nextGone(id)
		}

		links.Seqs, links.Hashes = append(links.Seqs, head.Seq), append(links.Hashes, slices.Clone(head.Hash[:]))
	}

	if err := queries.AuditLinkAppend(ctx, links); err != nil {
		return head, nil, fmt.Errorf("links: %w", err)
	}

	return head, ids, nil
}

// take returns the next events, in their order.
func take(ctx context.Context, queries *db.Queries) ([]int64, error) {
	ids, err := queries.AuditUnsealedTake(ctx, sealBatch)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}

	sealed, err := queries.AuditLinkSealed(ctx, db.AuditLinkSealedParams{Ids: ids, Most: sealBatch})
	if err != nil {
		return nil, fmt.Errorf("links: %w", err)
	}

	ids = slices.DeleteFunc(ids, func(id int64) bool { return slices.Contains(sealed, id) })
	slices.Sort(ids)

	return ids, nil
}

// vouch writes a checkpoint.
func (c *Chain) vouch(ctx context.Context, queries *db.Queries, head Head) error {
	at := c.now().Truncate(time.Microsecond)
	keyID := int16(c.keys.Current())
	mac, _ := c.mac(keyID, head, sent(at)) // the current key is always configured

	if err := queries.AuditCheckpointAppend(ctx, db.AuditCheckpointAppendParams{Seq: head.Seq, At: at, KeyID: keyID, Mac: mac}); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}

	return nil
}

// vouchedHead returns the end of the chain if this server, or another with the key, left it so. If an older key vouches
// for it, the current key does from now on, so that the older key can be retired.
func (c *Chain) vouchedHead(ctx context.Context, queries *db.Queries) (Head, error) {
	head, err := end(ctx, queries)
	if err != nil {
		return head, err
	}

	if c.known != (Head{}) {
		if head == c.known {
			return head, nil
		}

		if err := c.compareKnown(ctx, queries, head); err != nil {
			return head, err
		}
	}

	checkpoints, err := queries.AuditCheckpointNewest(ctx, db.AuditCheckpointNewestParams{Seq: head.Seq, Most: sealBatch})
	if err != nil {
		return head, fmt.Errorf("checkpoints: %w", err)
	}

	vouched, current := head.Seq == 0, head.Seq == 0

	for _, one := range checkpoints {
		if one.Seq != head.Seq {
			return head, ErrNotVouched // for links that are missing
		}

		if c.judge(head, one.At, one.KeyID, one.Mac) == vouches {
			vouched = true
			current = current || one.KeyID == int16(c.keys.Current())
		}
	}

	switch {
	case !vouched:
		return head, ErrNotVouched
	case !current:
		return head, c.vouch(ctx, queries, head)
	}

	return head, nil
}

// compareKnown logs an error if the chain no longer contains what this server has seen. Either the database lost
// acknowledged data in an outage, or an attacker went back to an older checkpoint: no key can distinguish the two.
func (c *Chain) compareKnown(ctx context.Context, queries *db.Queries, head Head) error {
	hash, err := queries.AuditLinkHash(ctx, c.known.Seq)
	if err != nil && !postgres.IsNotFound(err) {
		return fmt.Errorf("link: %w", err)
	}

	if !bytes.Equal(hash, c.known.Hash[:]) {
		c.log.Error("the audit chain was shortened or rewritten: keep this entry, and run `toolkit-gateway audit verify`",
			"sealed", c.known.String(), "found", head.String())

		c.known = Head{} // logged once
	}

	return nil
}

// end returns the last link.
func end(ctx context.Context, queries *db.Queries) (Head, error) {
	row, err := queries.AuditLinkHead(ctx)
	if postgres.IsNotFound(err) {
		return Head{}, nil
	} else if err != nil {
		return Head{}, fmt.Errorf("head: %w", err)
	}

	return headOf(row.Seq, row.Hash), nil
}
