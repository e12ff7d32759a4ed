package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	// sealEvery is how long an event waits for its seal at most, in normal operation.
	sealEvery = time.Second
	// headEvery is how often the head is logged, and a failure that continues.
	headEvery = time.Hour
)

// Keep seals events until ctx ends, so that requests that record events do not wait for it. Any number of servers may
// run it: one works at a time. It logs the head regularly, and at the end, so that it is kept where the database's
// owner cannot write.
func (c *Chain) Keep(ctx context.Context) {
	ticker := time.NewTicker(sealEvery)
	defer ticker.Stop()

	var (
		failing time.Time // when the current failure was logged; zero if there is none
		logged  Head
		next    = c.now().Add(headEvery)
	)

	for first := true; ; first = false {
		err := c.sealWaiting(ctx, first)

		switch {
		case err == nil:
			failing = time.Time{}
		case failing.IsZero() || c.now().Sub(failing) >= headEvery:
			failing = c.now()
			c.logFailure(err)
		}

		if now := c.now(); err == nil && !now.Before(next) {
			next = now.Add(headEvery)
			logged = c.logHead(ctx, logged)
		}

		select {
		case <-ctx.Done():
			if failing.IsZero() {
				c.logHead(ctx, logged)
			}

			return
		case <-ticker.C:
		}
	}
}

// sealWaiting seals until no event waits, or another process is sealing. The first call always checks the chain.
func (c *Chain) sealWaiting(ctx context.Context, first bool) error {
	for ctx.Err() == nil {
		waits, err := c.look(ctx)
		if err != nil || !waits && !first {
			return err
		}

		count, err := c.Seal(ctx)
		if err != nil || count == 0 {
			return err
		}

		first = false
	}

	return nil
}

// look reports whether events wait.
func (c *Chain) look(ctx context.Context) (bool, error) {
	oldest, err := postgres.Get(ctx, c.db, func(ctx context.Context, conn *pgxpool.Conn) (db.AuditUnsealedOldestRow, error) {
		return db.New(conn).AuditUnsealedOldest(ctx)
	})
	if postgres.IsNotFound(err) {
		c.waiting.Store(0)

		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("look for unsealed events: %w", err)
	}

	if at, known := received(oldest.At); known {
		c.waiting.Store(at.UnixMicro())
	}

	return true, nil
}

func (c *Chain) logFailure(err error) {
	if errors.Is(err, ErrNotVouched) {
		c.log.Error(err.Error())
	} else {
		c.log.Warn("audit events cannot be sealed at the moment", "error", err.Error())
	}
}

// logHead logs the end of the chain, unless it is already logged, and returns it. If it cannot be read now, the next
// call logs it.
func (c *Chain) logHead(ctx context.Context, logged Head) Head {
	var head Head

	err := c.db.Do(postgres.WithRetryBudget(ctx, time.Second), func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		head, err = end(ctx, db.New(conn))

		return err
	})
	if err != nil || head == logged || head.Seq == 0 {
		return logged
	}

	c.log.Info("audit chain", "head", head.String())

	return head
}
