package resilience_test

import (
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// IN-K25: another program with jobs in the same schema keeps its jobs: this server works on queues of its own only. What a server of
// an earlier version puts into the default queue during an upgrade is sent all the same.
func TestDefaultQueueIsOfOthers(t *testing.T) {
	t.Parallel()

	const email = "former@konec.test"

	g := world.NewMailGateway(t)

	// As a server of before the queues enqueues it.
	g.Exec(t, `CREATE FUNCTION former() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.queue := 'default'; RETURN NEW; END $$`)
	g.Exec(t, `CREATE TRIGGER former BEFORE INSERT ON river_job FOR EACH ROW WHEN (NEW.kind = 'delivery') EXECUTE FUNCTION former()`)
	g.Exec(t, `INSERT INTO river_job (kind, args, max_attempts, queue, scheduled_at) VALUES ('newsletter', '{}', 3, 'default', now())`)

	g.Send(t, email)
	g.ExpectRegistered(t, email, g.AwaitMails(t, email, 1)[0])

	if state := world.QueryValue[string](t, g.Pool, "SELECT state::text || ' ' || attempt || ' ' || queue FROM river_job WHERE kind = 'newsletter'"); state != "available 0 default" {
		t.Errorf("the job of another program: %s", state)
	}

	apptest.Eventually(t, "no message is left in the default queue", func() bool {
		return world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM river_job WHERE queue = 'default' AND kind = 'delivery'") == 0
	})
}
