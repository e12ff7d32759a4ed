package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Chain makes tampering with events detectable. Each link holds a hash over the previous link and an event: an event
// that is changed, removed or inserted changes every later hash. Each batch of links ends in a checkpoint, a digest
// with the server's key: an attacker who only writes to the database cannot compute it anew. The chain alone cannot
// show that it was cut back to an older checkpoint: for that a head must be kept elsewhere, as in the server's log.
//
// Keep seals new events; Verify checks all of them. A Chain seals for one caller at a time; other callers, in this
// process or another, have their own Chains.
type Chain struct {
	db   *postgres.DB
	keys *keyring.Keyring
	log  *slog.Logger
	now  func() time.Time

	onSeal  func(ctx context.Context, tx postgres.Tx, events []int64) error // nil for no notification
	known   Head                                                            // the last head that we sealed, or found vouched for
	waiting atomic.Int64                                                    // when the oldest unsealed event was written, in Unix microseconds; 0 for none
}

// NewChain returns a Chain.
func NewChain(database *postgres.DB, keys *keyring.Keyring, log *slog.Logger, now func() time.Time) *Chain {
	return &Chain{db: database, keys: keys, log: log, now: now}
}

// OnSeal sets a function that receives the numbers of each batch of events, in the order of the chain, in the
// transaction that seals them: once each, or the batch is not sealed. Call it before anything is sealed.
func (c *Chain) OnSeal(tell func(ctx context.Context, tx postgres.Tx, events []int64) error) {
	c.onSeal = tell
}

// Lag returns the age of the oldest event that was not sealed when Keep last checked.
func (c *Chain) Lag() time.Duration {
	since := c.waiting.Load()
	if since == 0 {
		return 0
	}

	return max(0, c.now().Sub(time.UnixMicro(since)))
}

// AppendOnly are the tables to which the server only adds rows.
func AppendOnly() []string { return []string{"audit_event", "audit_link", "audit_checkpoint"} }

// Head is the end of the chain: the number and the hash of its last link. A head that is kept elsewhere shows later
// that the chain up to it is unchanged. The zero value is the head of an empty chain.
type Head struct {
	Seq  int64
	Hash [sha256.Size]byte
}

// String is the form that ParseHead reads.
func (h Head) String() string {
	return strconv.FormatInt(h.Seq, 10) + ":" + hex.EncodeToString(h.Hash[:])
}

// ParseHead reads SEQ:HASH, the hash in hexadecimal.
func ParseHead(s string) (Head, error) {
	var head Head

	seq, digits, _ := strings.Cut(s, ":")

	number, err := strconv.ParseInt(seq, 10, 64)
	if err != nil || number < 1 || hex.DecodedLen(len(digits)) != len(head.Hash) {
		return Head{}, errors.New("a head is of the form SEQ:HASH, as in 42: and 64 hexadecimal digits")
	}

	head.Seq = number
	if _, err := hex.Decode(head.Hash[:], []byte(digits)); err != nil {
		return Head{}, fmt.Errorf("the hash of a head: %w", err)
	}

	return head, nil
}

func headOf(seq int64, hash []byte) Head {
	head := Head{Seq: seq}
	copy(head.Hash[:], hash) // the database checks the length

	return head
}

// The first byte of a link's hash input is the form of what follows. A new column of audit_event needs a new form;
// Verify must still know the old one.
const (
	formGone  byte = 0 // the number of an event that was no longer there
	formEvent byte = 1 // the columns of an event, in the order of sealed
)

// sealed is an event in the form that is hashed.
type sealed = db.AuditLinkEventsRow

// next returns the head after h with the event.
func (h Head) next(event *sealed) Head {
	return h.follow(formEvent, func(digest hash.Hash) {
		number(digest, event.ID)
		field(digest, event.At)
		field(digest, []byte(event.Action))
		text(digest, event.AccountID)
		text(digest, event.ActorID)
		text(digest, event.SessionID)
		field(digest, []byte(event.Subject))
		field(digest, []byte(event.Method))
		field(digest, event.Address)
		field(digest, []byte(event.UserAgent))
		field(digest, []byte(event.RequestID))
		field(digest, event.Detail)
	})
}

// nextGone returns the head after h if the event was deleted before it was sealed.
func (h Head) nextGone(id int64) Head {
	return h.follow(formGone, func(digest hash.Hash) { number(digest, id) })
}

func (h Head) follow(form byte, write func(hash.Hash)) Head {
	digest := sha256.New()
	digest.Write([]byte{form})
	digest.Write(h.Hash[:])
	write(digest)

	return headOf(h.Seq+1, digest.Sum(nil))
}

// field writes a value so that different lists of values never give the same bytes: NULL is a 0; everything else is a
// 1, the length, and the bytes.
func field(digest hash.Hash, value []byte) {
	if value == nil {
		digest.Write([]byte{0})

		return
	}

	digest.Write([]byte{1})
	number(digest, int64(len(value)))
	digest.Write(value)
}

func text(digest hash.Hash, value *string) {
	if value == nil {
		field(digest, nil)

		return
	}

	field(digest, []byte(*value))
}

func number(digest hash.Hash, n int64) {
	var bytes [8]byte

	binary.BigEndian.PutUint64(bytes[:], uint64(n)) //nolint:gosec // its bits are what counts
	digest.Write(bytes[:])
}

// mac returns the digest that vouches for a head; false if the key is no longer configured.
func (c *Chain) mac(keyID int16, head Head, at []byte) ([]byte, bool) {
	if keyID < 0 || keyID > math.MaxUint8 {
		return nil, false
	}

	return c.keys.Digest(uint8(keyID), "audit checkpoint", strconv.FormatInt(head.Seq, 10), string(head.Hash[:]), string(at))
}

// judgement is the result of checking a checkpoint.
type judgement int

const (
	vouches judgement = iota
	doesNotFit
	unknownKey
)

func (c *Chain) judge(head Head, at []byte, keyID int16, mac []byte) judgement {
	want, known := c.mac(keyID, head, at)

	switch {
	case !known:
		return unknownKey
	case hmac.Equal(mac, want):
		return vouches
	}

	return doesNotFit
}

// postgresEpoch is 2000-01-01, from which Postgres counts microseconds.
const postgresEpoch = 946_684_800_000_000

// sent returns a time in the binary form of Postgres.
func sent(at time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()-postgresEpoch)) //nolint:gosec // its bits are what counts
}

// received is the reverse; false for NULL and the two infinities, which are not times.
func received(at []byte) (time.Time, bool) {
	if len(at) != 8 {
		return time.Time{}, false
	}

	micros := int64(binary.BigEndian.Uint64(at)) //nolint:gosec // its bits are what counts
	if micros == math.MaxInt64 || micros == math.MinInt64 {
		return time.Time{}, false
	}

	return time.UnixMicro(micros + postgresEpoch).UTC(), true
}
