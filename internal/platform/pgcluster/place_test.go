package pgcluster

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPlace(t *testing.T) {
	t.Parallel()

	stranger := &account{name: "stranger", uid: os.Getuid() + 4711, gid: os.Getgid() + 4711}

	t.Run("FolderBehindAClosedOneIsPlacedElsewhere", func(t *testing.T) {
		t.Parallel()

		closed := filepath.Join(openDir(t), "closed")
		if err := os.Mkdir(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		first, err := stranger.place(filepath.Join(closed, "a"), "/fallback")
		if err != nil || filepath.Dir(first) != "/fallback" {
			t.Fatalf("got %q, %v, want a folder in /fallback", first, err)
		}
		again, _ := stranger.place(filepath.Join(closed, "a"), "/fallback")
		other, _ := stranger.place(filepath.Join(closed, "b"), "/fallback")
		if again != first || other == first {
			t.Fatalf("got %q, then %q, and %q for another folder", first, again, other)
		}
	})

	t.Run("LinkIntoAClosedFolderIsPlacedElsewhere", func(t *testing.T) {
		t.Parallel()

		root := openDir(t)
		if err := os.MkdirAll(filepath.Join(root, "closed", "in"), 0o700); err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(root, "link")
		if err := os.Symlink(filepath.Join(root, "closed", "in"), link); err != nil {
			t.Fatal(err)
		}
		if got, err := stranger.place(link, "/fallback"); err != nil || filepath.Dir(got) != "/fallback" {
			t.Fatalf("got %q, %v, want a folder in /fallback", got, err)
		}
	})

	t.Run("ReachableFolderStaysWhereItIs", func(t *testing.T) {
		t.Parallel()

		want := filepath.Join(openDir(t), "not", "yet", "there")
		if got, err := stranger.place(want, "/fallback"); err != nil || got != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	})

	t.Run("WithoutAnotherUserEveryFolderWillDo", func(t *testing.T) {
		t.Parallel()

		var nobodyElse *account
		want := t.TempDir()
		if got, err := nobodyElse.place(want, "/fallback"); err != nil || got != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	})
}

// openDir returns a temporary folder that other users can enter, unlike t.TempDir's, and whose path is short enough for
// a socket.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pgcluster-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
