package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// repository is a clone of this repository.
type repository struct{ root string }

// base returns the commit to compare with. On a branch it is the commit at which the branch left main, unless that is of before
// the promises began. On main it is the last release, a tag such as v1.2.3; as long as there is none, it is the commit that
// api/promised-since.txt names. It is never the last commit of main: a break would pass with the next commit.
func (r repository) base(named string) (string, error) {
	head, err := r.git("rev-parse", "--verify", "--quiet", "HEAD")
	if err != nil {
		return "", errNoBase
	}

	if named != "" {
		return r.commit(named)
	}

	for _, main := range []string{"origin/main", "main"} {
		if left, err := r.git("merge-base", "HEAD", main); err == nil && left != head && !r.before(left) {
			return left, nil
		}
	}

	// A release is compared with the one before it, so its own tag does not count.
	if tag, err := r.git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD~1"); err == nil {
		return r.commit(tag)
	}

	if _, err := r.git("rev-parse", "--verify", "--quiet", "HEAD~1"); err != nil {
		return "", errNoBase
	}

	text, err := os.ReadFile(filepath.Join(r.root, since))
	if err != nil {
		return "", err
	}

	return r.commit(strings.TrimSpace(string(text)))
}

// before reports whether a commit is one of before the promises began: a main that is older promised nothing yet.
func (r repository) before(commit string) bool {
	text, err := os.ReadFile(filepath.Join(r.root, since))
	if err != nil {
		return false
	}

	began, err := r.commit(strings.TrimSpace(string(text)))
	if err != nil || began == commit {
		return false
	}

	_, err = r.git("merge-base", "--is-ancestor", commit, began)

	return err == nil
}

// commit returns the hash of a commit that must be in the history.
func (r repository) commit(name string) (string, error) {
	hash, err := r.git("rev-parse", "--verify", "--quiet", name+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("%w: %s is not there", errNoBase, name)
	}

	return hash, nil
}

// show returns a file as it was in a commit.
func (r repository) show(commit, file string) ([]byte, error) {
	text, err := r.git("show", commit+":"+file)

	return []byte(text + "\n"), err
}

func (r repository) git(arguments ...string) (string, error) {
	output, err := exec.Command("git", append([]string{"-C", r.root}, arguments...)...).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("git %s: %w %s", strings.Join(arguments, " "), err, failed.Stderr)
		}

		return "", err
	}

	return strings.TrimRight(string(output), "\n"), nil
}

// lostSums returns a line for each landed migration whose line in migrations.sum is gone or changed. Databases have run it
// as it was: lines may only be added.
func lostSums(before, now string) []string {
	there := map[string]bool{}
	for line := range strings.Lines(now) {
		there[strings.TrimSpace(line)] = true
	}

	var lost []string

	for line := range strings.Lines(before) {
		if line = strings.TrimSpace(line); line != "" && !there[line] {
			lost = append(lost, sums+" lost the line "+line)
		}
	}

	return lost
}
