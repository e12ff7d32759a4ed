// Command promises compares what this repository promises with what it promised before: the OpenAPI document, and the
// migrations that have landed. It exits with status 1 if a promise is broken.
//
//	go -C tools run ./promises -root ..
//
// It finds the commit to compare with by itself (base.go); -base names another one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// The files below the root.
const (
	bundle    = "gen/openapi.yaml"
	unbundled = "api/openapi.yaml" // commits from before the bundle have the whole document here
	levels    = "api/oasdiff-levels.txt"
	accepted  = "api/oasdiff-accepted.txt"
	since     = "api/promised-since.txt"
	sums      = "sql/migrations/migrations.sum"
)

func main() {
	root := flag.String("root", ".", "the root of the repository")
	named := flag.String("base", "", "the commit to compare with")
	flag.Parse()

	if err := run(*root, *named, os.Getenv("CI") == "true"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root, named string, ci bool) error {
	r := repository{root: root}

	base, err := r.base(named)
	if err != nil {
		if ci {
			return fmt.Errorf("%w; CI must not skip this check", err)
		}

		fmt.Printf("==> %v; broken promises are not looked for\n", err)

		return nil
	}

	fmt.Printf("==> looking for broken promises since %s\n", base)

	broken, err := r.broken(base)
	if err != nil {
		return err
	}

	for _, one := range broken {
		fmt.Fprintln(os.Stderr, one)
	}

	if len(broken) > 0 {
		return fmt.Errorf("%d broken promises. If the server keeps serving older clients all the same, add the line to %s", len(broken), accepted)
	}

	return nil
}

// broken returns a line for each promise of the commit base that the working copy breaks.
func (r repository) broken(base string) ([]string, error) {
	before, err := r.show(base, bundle)
	if err != nil {
		if before, err = r.show(base, unbundled); err != nil {
			return nil, err
		}
	}

	now, err := os.ReadFile(filepath.Join(r.root, bundle))
	if err != nil {
		return nil, err
	}

	rules, err := readRules(filepath.Join(r.root, levels), filepath.Join(r.root, accepted))
	if err != nil {
		return nil, err
	}

	broken, err := rules.compare(before, now)
	if err != nil {
		return nil, err
	}

	sumsBefore, err := r.show(base, sums)
	if err != nil {
		return nil, err
	}

	sumsNow, err := os.ReadFile(filepath.Join(r.root, sums))
	if err != nil {
		return nil, err
	}

	return append(broken, lostSums(string(sumsBefore), string(sumsNow))...), nil
}

var errNoBase = errors.New("no earlier commit is at hand: fetch the history and the tags")
