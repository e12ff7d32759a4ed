// Package device knows the devices and networks from which a user has signed in. A device shows it by a token, which opens
// nothing: it only tells the owner's attempts from those of strangers, so that strangers cannot use the limits against the
// owner.
package device

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

const (
	// most is how many devices an account has; a further one takes the place of the one that was not used the longest.
	most = 20
	// networkLifetime is how long a network is known after a sign-in from it.
	networkLifetime = 30 * 24 * time.Hour
	// TrustLifetime is how long a device that its user trusts counts as the second factor.
	TrustLifetime = 30 * 24 * time.Hour
)

// ErrNotFound is returned for an id that no device of the account has.
var ErrNotFound = problem.New(problem.NotFound, "DEVICE_NOT_FOUND")

// Token is what a device holds: 256 random bits in base64url, 43 characters. Only its digest is stored.
type Token string

// NewToken returns a new random token.
func NewToken() Token { return Token(base64.RawURLEncoding.EncodeToString(randomid.Bytes(32))) }

func (t Token) digest() []byte {
	sum := sha256.Sum256([]byte(t))

	return sum[:]
}

type sentKey struct{}

// Sent is what a request carries of earlier sign-ins.
type Sent struct {
	Token                Token  // a value that the server did not issue is ignored; empty for none
	AccountID, SessionID string // of a live session; empty if there is none
	Trust                bool   // the user asks to trust the device
}

// With returns a context that carries what a request sent.
func With(ctx context.Context, sent Sent) context.Context {
	return context.WithValue(ctx, sentKey{}, sent)
}

// WithTrust returns a context whose request asks to trust its device, if it does.
func WithTrust(ctx context.Context, asked *bool) context.Context {
	sent := sentIn(ctx)
	sent.Trust = asked != nil && *asked

	return With(ctx, sent)
}

func sentIn(ctx context.Context) Sent {
	sent, _ := ctx.Value(sentKey{}).(Sent)

	return sent
}

// Place is where a request comes from, as the user of an account sees it: one of the user's devices, a live session, a
// network from which the user has signed in lately, or strangers. Each counts its own failures.
type Place struct{ kind, id string }

// Strangers are all who send no token, from networks that the user does not know.
var Strangers = Place{kind: "strangers"}

// Known is the place of a device of the account.
func Known(id string) Place { return Place{"device", id} }

// InSession is the place of a caller who is signed in.
func InSession(id string) Place { return Place{"session", id} }

// OfAdministrator is the place of an administrator, or an operator, who acts for a user.
func OfAdministrator(id string) Place { return Place{"administrator", id} }

// String returns the place as a part of a key.
func (p Place) String() string {
	if p.id == "" {
		return p.kind
	}

	return p.kind + " " + p.id
}

// Owned reports whether the place is a device or a session of the account, or an administrator: no stranger can be there.
func (p Place) Owned() bool {
	return p.kind == "device" || p.kind == "session" || p.kind == "administrator"
}

// Devices finds and remembers devices and networks.
type Devices struct {
	db  *postgres.DB
	now func() time.Time
}

// New returns Devices.
func New(database *postgres.DB, now func() time.Time) *Devices {
	return &Devices{db: database, now: now}
}

// Place returns where the request stands towards the account. An account that does not exist costs the same, and has
// strangers only.
func (d *Devices) Place(ctx context.Context, accountID string) (Place, error) {
	return postgres.Get(ctx, d.db, func(ctx context.Context, conn *pgxpool.Conn) (Place, error) {
		return d.PlaceIn(ctx, conn, accountID)
	})
}

// PlaceIn returns Place in a transaction.
func (d *Devices) PlaceIn(ctx context.Context, tx db.DBTX, accountID string) (Place, error) {
	sent, network := sentIn(ctx), origin.From(ctx).Neighbourhood()

	row, err := db.New(tx).DevicePlace(ctx, db.DevicePlaceParams{
		AccountID: accountID, Digest: sent.Token.digest(), Network: network, Since: d.now().Add(-networkLifetime),
	})

	switch {
	case err != nil:
		return Place{}, fmt.Errorf("look up device: %w", err)
	case row.Device != "":
		return Known(row.Device), nil
	case accountID != "" && sent.AccountID == accountID:
		return InSession(sent.SessionID), nil
	case row.Network:
		return Place{"network", network}, nil
	default:
		return Strangers, nil
	}
}

// Trusted reports whether the request comes from a device that counts as the second factor of the account.
func (d *Devices) Trusted(ctx context.Context, accountID string) (bool, error) {
	return postgres.Get(ctx, d.db, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
		return d.TrustedIn(ctx, conn, accountID)
	})
}

// TrustedIn returns Trusted in a transaction. What ends the trust locks the account first, as a sign-in does.
func (d *Devices) TrustedIn(ctx context.Context, tx db.DBTX, accountID string) (bool, error) {
	trusted, err := db.New(tx).DeviceTrusted(ctx, db.DeviceTrustedParams{AccountID: accountID, Digest: sentIn(ctx).Token.digest(), Now: d.now()})

	return trusted, wrap(err, "look up trust")
}

// Distrust lets no device of an account count as its second factor any more, in the transaction of the change that asks for it.
func Distrust(ctx context.Context, tx db.DBTX, accountID string) error {
	return wrap(db.New(tx).DeviceDistrust(ctx, accountID), "end trust")
}

// Remember gives the device that sent the request a new token for the account, in the transaction of a sign-in, and
// makes its network known. The device's other accounts move to the new token. After a sign-in with two factors the device is
// trusted if its user asks for it.
func (d *Devices) Remember(ctx context.Context, tx postgres.Tx, accountID string, fresh Token, twoFactors bool) error {
	queries, now, from := db.New(tx), d.now(), origin.From(ctx)

	if old := sentIn(ctx).Token; old != "" {
		if err := queries.DeviceMove(ctx, db.DeviceMoveParams{Sent: old.digest(), Fresh: fresh.digest()}); err != nil {
			return fmt.Errorf("move device: %w", err)
		}
	}

	var trustedUntil *time.Time

	if twoFactors && sentIn(ctx).Trust {
		until := now.Add(TrustLifetime)
		trustedUntil = &until

		if err := audit.Record(ctx, tx, now, audit.Event{Action: audit.DeviceTrusted, AccountID: accountID}); err != nil {
			return err
		}
	}

	err := queries.DeviceRemember(ctx, db.DeviceRememberParams{
		ID: randomid.New(), AccountID: accountID, Fresh: fresh.digest(), Name: from.UserAgent, Address: from.AddressOrNil(), Now: now, Keep: most - 1,
		TrustedUntil: trustedUntil,
	})
	if err != nil {
		return fmt.Errorf("remember device: %w", err)
	}

	err = queries.NetworkRemember(ctx, db.NetworkRememberParams{AccountID: accountID, Network: from.Neighbourhood(), Now: now})

	return wrap(err, "remember network")
}

// Device is a device that has signed in, as its user sees it.
type Device struct {
	ID        string
	Name      string
	Label     string     // the name that its user gave it, or empty
	Address   netip.Addr // not valid if unknown
	CreatedAt time.Time
	SeenAt    time.Time // the last sign-in
	Current   bool      // it sent the request

	TrustedUntil *time.Time // until when it counts as the second factor; nil if it does not
}

// List returns an account's devices, the last used first.
func (d *Devices) List(ctx context.Context, accountID string) ([]Device, error) {
	rows, err := postgres.Get(ctx, d.db, func(ctx context.Context, conn *pgxpool.Conn) ([]db.DeviceListRow, error) {
		return db.New(conn).DeviceList(ctx, db.DeviceListParams{AccountID: accountID, Digest: sentIn(ctx).Token.digest()})
	})
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}

	list := make([]Device, len(rows))
	for i, row := range rows {
		list[i] = Device{ID: row.ID, Name: row.Name, Label: row.Label, CreatedAt: row.CreatedAt, SeenAt: row.SeenAt, Current: row.Current}

		if row.Address != nil {
			list[i].Address = *row.Address
		}

		if until := row.TrustedUntil; until != nil && until.After(d.now()) {
			list[i].TrustedUntil = until
		}
	}

	return list, nil
}

// Label gives one of the actor's devices a name; nil removes it. It returns ErrNotFound for another id.
func (d *Devices) Label(ctx context.Context, actor authority.Actor, id string, label *string) error {
	event := audit.Event{Action: audit.DeviceLabelled, AccountID: actor.AccountID, SessionID: actor.SessionID, Subject: id}

	return authority.Recorded(ctx, d.db, d.now(), actor, &event, func(ctx context.Context, tx postgres.Tx, _ authority.Rights) error {
		found, err := db.New(tx).DeviceLabel(ctx, db.DeviceLabelParams{ID: id, AccountID: actor.AccountID, Label: label})
		if err != nil {
			return fmt.Errorf("label device: %w", err)
		} else if found == 0 {
			return ErrNotFound
		}

		return nil
	})
}

// End makes one of the actor's devices a stranger, or returns ErrNotFound. Its sessions go on.
func (d *Devices) End(ctx context.Context, actor authority.Actor, id string) error {
	event := audit.Event{Action: audit.DeviceEnded, AccountID: actor.AccountID, SessionID: actor.SessionID, Subject: id}

	return authority.Recorded(ctx, d.db, d.now(), actor, &event, func(ctx context.Context, tx postgres.Tx, _ authority.Rights) error {
		ended, err := db.New(tx).DeviceEnd(ctx, db.DeviceEndParams{ID: id, AccountID: actor.AccountID})
		if err != nil {
			return fmt.Errorf("end device: %w", err)
		} else if ended == 0 {
			return ErrNotFound
		}

		return nil
	})
}

// EndAll makes every device of an account a stranger, in the transaction of the change that asks for it.
func EndAll(ctx context.Context, tx db.DBTX, accountID string) error {
	_, err := db.New(tx).DeviceEndAll(ctx, accountID)

	return wrap(err, "end devices")
}

// Clean forgets up to 1,000 networks that are known no longer, and returns how many.
func Clean(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	return db.New(tx).NetworkClean(ctx, now.Add(-networkLifetime))
}

func wrap(err error, what string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}

	return nil
}
