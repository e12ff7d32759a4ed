package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clone is a repository that a test made, with the document and what this command reads beside it.
type clone struct {
	repository
	t *testing.T
}

func newRepository(t *testing.T) clone {
	t.Helper()

	c := clone{repository{t.TempDir()}, t}
	c.run("init", "--quiet", "--initial-branch", "main")

	for _, file := range []string{bundle, levels, accepted} {
		text, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}

		c.write(file, string(text))
	}

	c.write(sums, "1111  00001_first.sql\n2222  00002_second.sql\n")
	c.commitAll("first")
	c.write(since, c.run("rev-parse", "HEAD")+"\n")
	c.commitAll("promised")

	return c
}

func (c clone) run(arguments ...string) string {
	c.t.Helper()

	output, err := c.git(append([]string{"-c", "user.name=Test", "-c", "user.email=test@konec.test", "-c", "protocol.file.allow=always"}, arguments...)...)
	if err != nil {
		c.t.Fatal(err)
	}

	return output
}

func (c clone) commitAll(message string) {
	c.t.Helper()
	c.run("add", "--all")
	c.run("commit", "--quiet", "--message", message)
}

func (c clone) write(file, text string) {
	c.t.Helper()

	if err := os.MkdirAll(filepath.Dir(filepath.Join(c.root, file)), 0o700); err != nil {
		c.t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(c.root, file), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// edit replaces a text of a file, which must be there.
func (c clone) edit(file, old, replacement string) {
	c.t.Helper()

	text, err := os.ReadFile(filepath.Join(c.root, file))
	if err != nil || !strings.Contains(string(text), old) {
		c.t.Fatalf("no %q in %s: %v", old, file, err)
	}

	c.write(file, strings.ReplaceAll(string(text), old, replacement))
}

func (c clone) expect(ci bool, want string) {
	c.t.Helper()

	err := run(c.root, "", ci)
	if got := errorText(err); want == "" && err != nil || !strings.Contains(got, want) {
		c.t.Errorf("got %q, want %q", got, want)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}

	return err.Error()
}

const broken = "1 broken promises"

func (c clone) breakDocument()  { c.edit(bundle, "operationId: getMe\n", "operationId: me\n") }
func (c clone) harmlessChange() { c.edit(bundle, "Toolkit Gateway", "The Toolkit Gateway") }

// CON-D3: a break on main is seen however many commits follow it, on a branch and before it is committed.
func TestBreakIsSeenWhereverItIs(t *testing.T) {
	t.Parallel()

	t.Run("OnMainBeforeAHarmlessCommit", func(t *testing.T) {
		t.Parallel()

		c := newRepository(t)
		c.expect(true, "")
		c.breakDocument()
		c.expect(true, broken)
		c.commitAll("break")
		c.expect(true, broken)
		c.harmlessChange()
		c.commitAll("harmless")
		c.expect(true, broken)
	})

	t.Run("OnABranch", func(t *testing.T) {
		t.Parallel()

		c := newRepository(t)
		c.run("switch", "--quiet", "--create", "topic")
		c.harmlessChange()
		c.commitAll("harmless")
		c.expect(true, "")
		c.breakDocument()
		c.commitAll("break")
		c.edit(bundle, "The Toolkit Gateway", "Toolkit Gateway")
		c.commitAll("harmless again")
		c.expect(true, broken)
	})

	t.Run("SinceTheLastRelease", func(t *testing.T) {
		t.Parallel()

		c := newRepository(t)
		c.breakDocument()
		c.commitAll("break")
		c.run("tag", "v2.0.0")
		c.expect(true, broken) // the release itself is compared with what was before it
		c.harmlessChange()
		c.commitAll("harmless")
		c.expect(true, "")
		c.edit(bundle, "operationId: listSessions\n", "operationId: sessions\n")
		c.commitAll("another break")
		c.harmlessChange()
		c.commitAll("harmless")
		c.expect(true, broken)
	})
}

// CON-D3: without the commit to compare with, as in a shallow clone, CI fails. At home the check is skipped, and says so.
func TestMissingBaseFailsInCI(t *testing.T) {
	t.Parallel()

	from := newRepository(t)
	from.harmlessChange()
	from.commitAll("harmless")

	c := clone{repository{filepath.Join(t.TempDir(), "shallow")}, t}

	if output, err := exec.Command("git", "clone", "--quiet", "--depth", "1", "file://"+from.root, c.root).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, output)
	}

	c.expect(true, "CI must not skip this check")
	c.expect(false, "")

	c.run("fetch", "--quiet", "--unshallow")
	c.expect(true, "")

	empty := clone{repository{t.TempDir()}, t}
	empty.run("init", "--quiet")
	empty.expect(true, "CI must not skip this check")
}

// CON-D10: a landed migration and its sum, edited together, are seen: lines of the sums may only be added.
func TestSumsOnlyGrow(t *testing.T) {
	t.Parallel()

	c := newRepository(t)
	c.edit(sums, "2222  00002_second.sql\n", "2222  00002_second.sql\n3333  00003_third.sql\n")
	c.commitAll("third")
	c.expect(true, "")

	c.edit(sums, "2222", "4444")
	c.commitAll("second, changed")
	c.harmlessChange()
	c.commitAll("harmless")
	c.expect(true, broken)

	c.edit(sums, "4444", "2222")
	c.edit(sums, "1111  00001_first.sql\n", "")
	c.expect(true, broken)
}

// A main from before the promises began does not count: everything could change then.
func TestPromisesBeginWhereTheFileSays(t *testing.T) {
	t.Parallel()

	c := newRepository(t)
	old := c.run("rev-parse", "HEAD")
	c.breakDocument()
	c.commitAll("break before the promises")
	c.write(since, c.run("rev-parse", "HEAD")+"\n")
	c.commitAll("begin again")
	c.harmlessChange()
	c.commitAll("harmless")

	c.run("update-ref", "refs/remotes/origin/main", old)
	c.expect(true, "")
	c.run("checkout", "--quiet", "--detach")
	c.run("branch", "--force", "main", old)
	c.expect(true, "")

	// From there on, it is one.
	c.edit(bundle, "operationId: me\n", "operationId: mine\n")
	c.commitAll("break")
	c.expect(true, broken)
}
