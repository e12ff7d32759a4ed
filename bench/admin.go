package main

import (
	"context"
	"fmt"
)

const (
	adminTarget = 1.5
	// eventsEach is the number of events of each account.
	eventsEach = 10
)

// lookedUp returns the requests of administrators about the numbered account.
var lookedUp = []struct {
	name string
	path func(i int) string
}{
	{"search by e-mail", func(i int) string { return "/api/admin/accounts?email=person" + fmt.Sprint(i) }},
	{"search by the first letters of a name", func(i int) string { return "/api/admin/accounts?name=person+" + fmt.Sprint(i%1000) }},
	{"search by a part of name and address", func(i int) string { return "/api/admin/accounts?q=erson+" + fmt.Sprint(i) }},
	{"search by id", func(i int) string { return "/api/admin/accounts?id=" + accountID(i)[:12] }},
	{"those not seen for long", func(int) string { return "/api/admin/accounts?order=seen" }},
	{"approval queue", func(int) string { return "/api/admin/accounts?group=None&status=active&order=oldest" }},
	{"one account", func(i int) string { return "/api/admin/accounts/" + accountID(i) }},
	{"timeline", func(i int) string { return "/api/admin/accounts/" + accountID(i) + "/timeline" }},
	{"audit, newest", func(int) string { return "/api/admin/audit" }},
	{"audit of an account", func(i int) string { return "/api/admin/audit?account=" + accountID(i) }},
	{"audit by action", func(int) string { return "/api/admin/audit?action=sign_in.failed" }},
	{"statistics of 30 days", func(int) string { return "/api/admin/statistics" }},
	{"messages that did not arrive", func(int) string { return "/api/admin/deliveries?state=refused" }},
}

// measureAdmin compares the requests of administrators on a large database with the same on a small one.
func measureAdmin(ctx context.Context, b *bench) (_ []line, err error) {
	if b.growth == 0 {
		return []line{{
			work: "administration of 1 million accounts", measured: "not measured in this run: `go run ./bench -only admin -growth 1000000`",
			target: fmt.Sprintf("p99 ≤ %.1f of that with 10,000", adminTarget), unknown: true,
		}}, nil
	}

	small, err := b.growWithMessages(ctx, "small_with_events", b.small)
	defer func() { err = join(err, small.close()) }()

	if err != nil {
		return nil, err
	}

	large, err := b.growWithMessages(ctx, "large_with_events", b.growth)
	defer func() { err = join(err, large.close()) }()

	if err != nil {
		return nil, err
	}

	var lines []line

	for _, work := range lookedUp {
		c, err := compare(ctx, b.rounds, b.slice, large.asks(work.path), small.asks(work.path))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", work.name, err)
		}

		lines = append(lines, line{
			work:     fmt.Sprintf("%d accounts, %d events: %s", b.growth, eventsEach*b.growth, work.name),
			measured: describe(c.ours), beside: fmt.Sprintf("with %d: %s", b.small, describe(c.theirs)),
			result: fmt.Sprintf("p99 %.2f times that", c.slowest), target: fmt.Sprintf("≤ %.1f", adminTarget), held: c.slowest <= adminTarget,
		})
	}

	return lines, nil
}

// growWithMessages creates a database with many events and messages, whose first account is an administrator.
func (b *bench) growWithMessages(ctx context.Context, name string, accounts int) (*grown, error) {
	g, err := b.grow(ctx, name, accounts, 1, eventsEach)
	if err != nil {
		return g, err
	}

	return g, b.database.run(ctx, name,
		`INSERT INTO delivery (id, channel, recipient, kind, language, state, created_at, expires_at, finished_at)
			SELECT 'bench ' || a.id, 'mail', a.email, 'reset_code', 'zh', CASE WHEN a.member_group = 'None' THEN 'refused' ELSE 'sent' END, now(), now(), now()
			FROM account a`,
		"UPDATE account SET member_group = 'Admin' WHERE id = '"+accountID(g.sample[0])+"'",
		"VACUUM (ANALYZE) account, delivery, member_group",
		"CHECKPOINT",
	)
}

// asks is the administrator, who requests the accounts of the sample in turn.
func (g *grown) asks(path func(i int) string) side {
	workers := len(g.clients.hands)
	next := make([]int, workers)
	access := g.clients.hands[0][0].access

	return onConnections(g.clients.address, workers, func(worker int, conn *connection) error {
		next[worker] += workers

		_, err := conn.want(get(path(g.sample[(worker+next[worker])%len(g.sample)]), access))

		return err
	})
}
