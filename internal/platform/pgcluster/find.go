package pgcluster

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrNoBinaries reports that this machine has no PostgreSQL server programs. A PG_BIN with the wrong folder is another
// error, so that a user who requests one version does not get another.
var ErrNoBinaries = errors.New("no PostgreSQL server programs (initdb and postgres) on this machine")

// FindBinaries returns the folder with initdb and postgres: PG_BIN, then the result of pg_config, then the newest
// version in the folders of packages, then PATH.
func FindBinaries() (string, error) {
	return search{env: os.Getenv, roots: packageFolders}.find()
}

// packageFolders are glob patterns of the folders that server packages install to.
var packageFolders = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // PostgreSQL's own RPMs
	"/usr/libexec/postgresql*",                           // Alpine
	"/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew, Apple silicon
	"/opt/homebrew/opt/postgresql/bin",                   //
	"/usr/local/opt/postgresql@*/bin",                    // Homebrew, Intel
	"/usr/local/opt/postgresql/bin",                      //
	"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",    // Homebrew on Linux
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
	"/Library/PostgreSQL/*/bin",                          // EDB's installer
	"/opt/local/lib/postgresql*/bin",                     // MacPorts
	"/usr/local/pgsql/bin",                               // built from source
}

// search is the list of places for FindBinaries. A test can replace it to hide the machine's own programs.
type search struct {
	env   func(string) string
	roots []string
}

func (s search) find() (string, error) {
	if dir := s.env("PG_BIN"); dir != "" {
		if !holdsServer(dir) {
			return "", fmt.Errorf("PG_BIN=%s: initdb and postgres are not both in that folder", dir)
		}
		return filepath.Abs(dir)
	}
	if dir := s.fromPGConfig(); holdsServer(dir) {
		return dir, nil
	}
	for _, pattern := range s.roots {
		for _, dir := range newestFirst(pattern) {
			if holdsServer(dir) {
				return dir, nil
			}
		}
	}
	for _, program := range []string{"postgres", "initdb"} {
		// The folder on PATH often holds links to one or two of the programs only. The real folder has them all, and
		// the libraries beside it.
		if target, err := filepath.EvalSymlinks(s.onPath(program)); err == nil && holdsServer(filepath.Dir(target)) {
			return filepath.Dir(target), nil
		}
	}
	return "", ErrNoBinaries
}

func (s search) fromPGConfig() string {
	program := s.onPath("pg_config")
	if program == "" {
		return ""
	}
	// Client-only packages bring a pg_config too; the caller checks whether the folder has a server.
	out, err := exec.Command(program, "--bindir").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func (s search) onPath(program string) string {
	for _, dir := range filepath.SplitList(s.env("PATH")) {
		if file := filepath.Join(dir, program); filepath.IsAbs(dir) && executable(file) {
			return file
		}
	}
	return ""
}

var versionNumber = regexp.MustCompile(`\d+(\.\d+)?`)

// newestFirst sorts by the version number in the name as a number: 9.6 is older than 15.
func newestFirst(pattern string) []string {
	dirs, _ := filepath.Glob(pattern) // the patterns are constants, and well-formed
	version := func(dir string) float64 {
		numbers := versionNumber.FindAllString(dir, -1)
		if len(numbers) == 0 {
			return 0
		}
		v, _ := strconv.ParseFloat(numbers[len(numbers)-1], 64)
		return v
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	return dirs
}

func holdsServer(dir string) bool {
	return dir != "" && executable(filepath.Join(dir, "initdb")) && executable(filepath.Join(dir, "postgres"))
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
