package pgcluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindBinaries(t *testing.T) {
	t.Parallel()

	t.Run("WrongPGBinIsAnErrorThatNamesIt", func(t *testing.T) {
		t.Parallel()

		root := t.TempDir()
		programs(t, filepath.Join(root, "15", "bin"), "initdb", "postgres")
		s := search{
			env:   environ(map[string]string{"PG_BIN": "/nowhere/bin"}),
			roots: []string{filepath.Join(root, "*", "bin")},
		}

		dir, err := s.find()
		if err == nil || !strings.Contains(err.Error(), "PG_BIN=/nowhere/bin") || errors.Is(err, ErrNoBinaries) {
			t.Fatalf("got %q, %v, want an error that names PG_BIN and is not ErrNoBinaries", dir, err)
		}
	})

	t.Run("HiddenBinariesAreErrNoBinaries", func(t *testing.T) {
		t.Parallel()

		s := search{env: environ(nil), roots: []string{filepath.Join(t.TempDir(), "*")}}
		if dir, err := s.find(); !errors.Is(err, ErrNoBinaries) {
			t.Fatalf("got %q, %v, want ErrNoBinaries", dir, err)
		}
	})

	t.Run("PGBinWinsOverEverything", func(t *testing.T) {
		t.Parallel()

		root := t.TempDir()
		want := programs(t, filepath.Join(root, "mine"), "initdb", "postgres")
		programs(t, filepath.Join(root, "99", "bin"), "initdb", "postgres")
		wantFound(t, want, search{
			env:   environ(map[string]string{"PG_BIN": want, "PATH": filepath.Join(root, "99", "bin")}),
			roots: []string{filepath.Join(root, "*", "bin")},
		})
	})

	t.Run("PGConfigComesBeforeTheFolders", func(t *testing.T) {
		t.Parallel()

		root := t.TempDir()
		want := programs(t, filepath.Join(root, "own"), "initdb", "postgres")
		programs(t, filepath.Join(root, "99", "bin"), "initdb", "postgres")
		path := filepath.Join(root, "path")
		script(t, filepath.Join(path, "pg_config"), "echo "+want)
		wantFound(t, want, search{
			env:   environ(map[string]string{"PATH": path}),
			roots: []string{filepath.Join(root, "*", "bin")},
		})
	})

	t.Run("NewestIsByNumberNotByLetters", func(t *testing.T) {
		t.Parallel()

		root := t.TempDir()
		for _, version := range []string{"9.6", "15", "100"} {
			programs(t, filepath.Join(root, version, "bin"), "initdb", "postgres")
		}
		wantFound(t, filepath.Join(root, "100", "bin"), search{env: environ(nil), roots: []string{filepath.Join(root, "*", "bin")}})
	})

	t.Run("FolderWithHalfOfTheProgramsIsPassedOver", func(t *testing.T) {
		t.Parallel()

		root := t.TempDir()
		programs(t, filepath.Join(root, "16", "bin"), "postgres")
		want := programs(t, filepath.Join(root, "15", "bin"), "initdb", "postgres")
		wantFound(t, want, search{env: environ(nil), roots: []string{filepath.Join(root, "*", "bin")}})
	})

	t.Run("LinkOnPathLeadsToTheRealFolder", func(t *testing.T) {
		t.Parallel()

		root, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		want := programs(t, filepath.Join(root, "real"), "initdb", "postgres")
		path := filepath.Join(root, "path")
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(want, "initdb"), filepath.Join(path, "initdb")); err != nil {
			t.Fatal(err)
		}
		wantFound(t, want, search{env: environ(map[string]string{"PATH": path})})
	})
}

func wantFound(t *testing.T, want string, s search) {
	t.Helper()
	if got, err := s.find(); err != nil || got != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

func environ(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func programs(t *testing.T, dir string, names ...string) string {
	t.Helper()
	for _, name := range names {
		script(t, filepath.Join(dir, name), "exit 1")
	}
	return dir
}

func script(t *testing.T, file, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}
