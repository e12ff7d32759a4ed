//go:build battery

package admin_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
)

// IN-K17, UI-D1: among a million accounts, one in twenty of them with a Chinese name. It logs what each search takes.
func TestSearchAmongAMillion(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)

	g.Exec(t, `INSERT INTO account (id, email, name, member_group, phone, created_at, updated_at)
		SELECT substr(md5(n::text), 1, 24), 'user' || n || (ARRAY['@qq.com', '@163.com', '@example.com'])[1 + n % 3],
			CASE WHEN n % 20 = 0 THEN chr(19968 + n / 20 % 5000) || chr(20000 + n % 977) || chr(21000 + n % 499)
				ELSE initcap(substr(md5('first' || n % 4000), 1, 6)) || ' ' || initcap(substr(md5('last' || n % 9000), 1, 8)) END,
			'None', '+8613' || lpad(n::text, 9, '0'), now(), now()
		FROM generate_series(1, 1000000) n`)

	began := time.Now()

	for filled := int64(1); filled > 0; {
		conn, err := g.Pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		filled, err = fill(t, conn)
		conn.Release()

		if err != nil {
			t.Fatal(err)
		}
	}

	t.Logf("prepared in %s", time.Since(began).Round(time.Second))
	g.Exec(t, "VACUUM ANALYZE account")

	for _, text := range []string{
		"user777777", "777777@qq", "qq.com", "example", "丁", "明", "张伟", "ffff", "ab", "a", "13000777", "+8613000777777", "not there", "user 163.com", "c4ca42",
	} {
		for range 2 { // the first reads pages from the disk
			began := time.Now()

			page, err := g.Client.ListAccountsWithResponse(t.Context(), &client.ListAccountsParams{Q: &text}, g.admin)
			if err != nil || page.JSON200 == nil {
				t.Fatalf("%q: %v %s", text, err, page.Body)
			}

			t.Logf("%-16s %3d found, %s", text, len(page.JSON200.Accounts), time.Since(began).Round(time.Millisecond))
		}
	}
}

func fill(t *testing.T, conn *pgxpool.Conn) (int64, error) {
	t.Helper()

	return administration.FillSearch(t.Context(), conn, time.Now())
}
