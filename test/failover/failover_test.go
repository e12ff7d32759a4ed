//go:build battery && linux

package failover_test

import (
	"flag"
	"strings"
	"testing"
	"time"
)

var kills = flag.Int("failover.kills", 10, "how often the leader is killed")

// REL-D3: what each fault of the cluster costs. No user is signed out and nothing that was acknowledged is lost, whatever
// breaks; and of the refreshes that began while there was no leader at least 99 % succeed, with Patroni's default times.
func TestHighAvailability(t *testing.T) {
	c := startCluster(t)

	if _, err := c.db.Exec(t.Context(), recordReopened); err != nil {
		t.Fatal(err)
	}

	l := startLoad(t, c)
	l.await(t, "every session is open", func() bool { return len(l.snapshot().acknowledged) >= users*sessions })

	var outcomes []outcome

	for _, one := range faults {
		t.Run(one.name, func(t *testing.T) {
			for range one.times() {
				outcomes = append(outcomes, l.inject(t, one.of(t, c, l)))
			}
		})
	}

	l.stop()
	t.Log(c.run(t, "gateway", "audit", "verify"))

	lines := []string{"", header}
	for _, o := range outcomes {
		lines = append(lines, o.String())
	}

	t.Log(strings.Join(append(lines, "* that began in the silence, and how many of them succeeded"), "\n"))
}

// faults are the parts of the test. The nodes are chosen when a fault begins.
var faults = []struct {
	name  string
	times func() int
	of    func(t *testing.T, c *cluster, l *load) fault
}{
	{"LeaderKilled", func() int { return *kills }, func(t *testing.T, c *cluster, _ *load) fault {
		leader := c.run(t, "leader")

		return fault{name: "leader killed", node: leader, breaks: []string{"kill", leader}, within: time.Minute}
	}},
	{"LeaderCutOff", once, func(t *testing.T, c *cluster, _ *load) fault {
		leader := c.run(t, "leader")

		return fault{name: "network of leader cut", node: leader, breaks: []string{"cut", leader}, within: 90 * time.Second}
	}},
	{"Switchover", once, func(*testing.T, *cluster, *load) fault {
		return fault{name: "switchover", breaks: []string{"switchover"}, within: time.Minute}
	}},
	{"GatewayKilled", once, func(*testing.T, *cluster, *load) fault {
		return fault{name: "gateway killed", node: "gateway1", breaks: []string{"kill", "gateway1"}, watched: 15 * time.Second}
	}},
	{"GatewayCutOff", once, func(*testing.T, *cluster, *load) fault {
		return fault{name: "network of gateway cut", node: "gateway1", breaks: []string{"cut", "gateway1"}, watched: 30 * time.Second}
	}},
	{"ReplicaKilled", once, func(t *testing.T, c *cluster, _ *load) fault {
		replica := c.replica(t)

		return fault{name: "replica killed", node: replica, breaks: []string{"kill", replica}, watched: 20 * time.Second}
	}},
	{"ReplicaCutOff", once, func(t *testing.T, c *cluster, _ *load) fault {
		replica := c.replica(t)

		return fault{name: "network of replica cut", node: replica, breaks: []string{"cut", replica}, watched: 45 * time.Second}
	}},
	// Postgres continues while its tables cannot grow, and Patroni sees nothing wrong: someone has to act.
	{"DiskFullForTables", once, func(t *testing.T, c *cluster, l *load) fault {
		leader, began := c.run(t, "leader"), time.Now()

		return fault{
			name: "disk full, tables", node: leader, breaks: []string{"fill", leader},
			then:    func() { l.await(t, "a call fails", func() bool { return l.failures(began) > 0 }) },
			watched: 15 * time.Second, operator: []string{"switchover"}, within: time.Minute,
		}
	}},
	{"DiskFullForWAL", once, func(t *testing.T, c *cluster, _ *load) fault {
		leader := c.run(t, "leader")

		return fault{name: "disk full, WAL", node: leader, breaks: []string{"fill", leader}, then: func() { c.writeWAL(t) }, within: 90 * time.Second}
	}},
}

func once() int { return 1 }
