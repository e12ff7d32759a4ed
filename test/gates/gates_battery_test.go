//go:build battery

package gates_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// copied is a copy of the repository in which one edit after the other is made and taken back.
type copied struct {
	t    *testing.T
	root string
}

// newCopy copies the working tree with what git ignores and the gates need, and commits it on a branch of its own.
func newCopy(t *testing.T) copied {
	t.Helper()

	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}

	c := copied{t, t.TempDir()}

	c.mustRun("tar -C '" + root + "' --exclude=./.dev --exclude=node_modules --exclude=./bin -cf - . | tar -xf -")
	c.mustRun("mkdir .dev && ln -s '" + root + "/.dev/python' .dev/python && ln -s '" + root + "/web/node_modules' web/node_modules")
	c.mustRun("printf '%s\n' /web/node_modules /.dev >>.git/info/exclude")
	c.mustRun("git checkout -q -B gates && git add -A && git -c user.name=T -c user.email=t@konec.test commit -q --allow-empty -m 'as it is'")

	return c
}

var keptCluster = regexp.MustCompile(`-D (/\S+/postgrestest-\d+-\d+)/data`)

// run runs a command of the shell and returns what it printed.
func (c copied) run(command string) (string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Minute)
	defer cancel()

	shell := exec.CommandContext(ctx, "sh", "-c", command)
	shell.Dir = c.root
	shell.Env = append(os.Environ(), "CI=true", "GOFLAGS=-buildvcs=false")
	output, err := shell.CombinedOutput()

	// Failed tests keep their database, which no one will open.
	for _, kept := range keptCluster.FindAllSubmatch(output, -1) {
		if err := os.RemoveAll(string(kept[1])); err != nil {
			c.t.Error(err)
		}
	}

	return string(output), err
}

func (c copied) mustRun(command string) {
	c.t.Helper()

	if output, err := c.run(command); err != nil {
		c.t.Fatalf("%s: %v\n%s", command, err, output)
	}
}

// change replaces a text of a file, once. It must be there.
func (c copied) change(one change) {
	c.t.Helper()

	path := filepath.Join(c.root, one.file)

	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), one.old) {
		c.t.Fatalf("no %q in %s: %v", one.old, one.file, err)
	}

	if err := os.WriteFile(path, []byte(strings.Replace(string(text), one.old, one.replacement, 1)), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// Table A1 of CON-D1: each edit is caught by name. It is made in a copy of the repository, and the gate that must catch it is
// run. Without an edit all these gates pass.
func TestEveryEditIsCaught(t *testing.T) {
	t.Parallel()

	c := newCopy(t)
	gates := map[string]bool{}

	for _, one := range edits {
		if !gates[one.gate] {
			gates[one.gate] = true

			if output, err := c.run(one.gate); err != nil {
				t.Errorf("%s, without any edit: %v\n%s", one.gate, err, output)
			}
		}
	}

	var table strings.Builder

	for _, one := range edits {
		c.mustRun("git reset -q --hard && git clean -q -d -f")

		for _, change := range one.changes {
			c.change(change)
		}

		if one.generate {
			c.mustRun("make -s generate")
		}

		if one.commit {
			c.mustRun("git -c user.name=T -c user.email=t@konec.test commit -q -a -m edit")
		}

		began := time.Now()
		output, err := c.run(one.gate)
		caught := err != nil && strings.Contains(output, one.want)

		if !caught {
			t.Errorf("%s %s: %s did not say %q: %v\n%s", one.row, one.name, one.gate, one.want, err, output)
		}

		fmt.Fprintf(&table, "| %s | %s | %t | `%s` | %.0f s |\n", one.row, one.name, caught, one.gate, time.Since(began).Seconds())

		if one.commit {
			c.mustRun("git reset -q --hard HEAD~1")
		}
	}

	t.Logf("row, edit, caught, gate, seconds\n%s", table.String())
}
