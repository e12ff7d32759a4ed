package device_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

// SEC-S2: a request is at the nearest of the user's places: a device, a session, a network that the user knows for 30
// days, and else among strangers. Another account's places do not count.
func TestPlace(t *testing.T) {
	t.Parallel()

	clock := &apptest.Clock{}
	clock.Stop()

	database, err := postgres.Open(t.Context(), postgres.Options{URL: postgrestest.New(t), MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(database.Close)

	devices, accounts := device.New(database, clock.Now), account.New(database, clock.Now)
	create := func(email string) string {
		created, err := accounts.Create(t.Context(), account.Creation{Email: email, Name: "User", MemberGroup: account.GroupNone})
		if err != nil {
			t.Fatal(err)
		}

		return created.ID
	}

	own, other := create("own@konec.test"), create("other@konec.test")
	token := device.NewToken()
	from := func(address string, sent device.Sent) context.Context {
		return device.With(origin.With(t.Context(), origin.Origin{Address: netip.MustParseAddr(address)}), sent)
	}

	err = database.InTx(from("203.0.113.7", device.Sent{}), func(ctx context.Context, tx postgres.Tx) error {
		return devices.Remember(ctx, tx, own, token, false)
	})
	if err != nil {
		t.Fatal(err)
	}

	expect := func(what, accountID string, ctx context.Context, kind string, owned bool) {
		t.Helper()

		place, err := devices.Place(ctx, accountID)
		if got := place.String(); err != nil || len(got) < len(kind) || got[:len(kind)] != kind || place.Owned() != owned {
			t.Errorf("%s: %q, %v, want %s", what, place, err, kind)
		}
	}

	session := device.Sent{AccountID: own, SessionID: "s"}

	expect("the device, far away", own, from("192.0.2.1", device.Sent{Token: token, AccountID: own, SessionID: "s"}), "device ", true)
	expect("a session", own, from("192.0.2.1", session), "session s", true)
	expect("a neighbour", own, from("203.0.113.200", device.Sent{}), "network 203.0.113.0/24", false)
	expect("elsewhere", own, from("192.0.2.1", device.Sent{}), "strangers", false)
	expect("another account's device", other, from("192.0.2.1", device.Sent{Token: token}), "strangers", false)
	expect("another account's session", other, from("203.0.113.7", session), "strangers", false)
	expect("no account", "", from("203.0.113.7", device.Sent{}), "strangers", false)

	clock.Advance(30*24*time.Hour + time.Second)
	expect("a network of long ago", own, from("203.0.113.7", device.Sent{}), "strangers", false)
	expect("the device, long after", own, from("203.0.113.7", device.Sent{Token: token}), "device ", true)
}
