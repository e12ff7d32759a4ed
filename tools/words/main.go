// Command words lists words that this project's English avoids, each with what to write instead. It exits with status 1 if
// it finds any.
//
//	go -C tools run ./words -root .. .
//
// It reads the folders and files that it is given, below root. It knows no grammar: an expression is listed only if it is
// nearly always replaced. That "where" must not stand for "if", for example, is left to the reader.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// A word is an expression to avoid and what to write instead. Matches of the expression except are allowed.
type word struct {
	avoid, except *regexp.Regexp
	instead       string
}

var words = []word{
	avoid(`somebody|nobody|whoever|who is there`, `^NoBody$`, "a user, the caller, an administrator; no one; or the passive voice"),
	avoid(`(is|are|was|were|be|been|get|gets|got) told`, "", "receives, is notified, gets (a status)"),
	avoid(`at the (most|least)`, "", "at most, at least; or limit, minimum"),
	avoid(`(says?|tells?|asks?|looks?) whether`, "", "reports whether; checks whether"),
	avoid(`(go|goes|going|gone|went) on with`, "", "continues; resume"),
	avoid(`until now`, "", "the current ...; or leave it out"),
	avoid(`answers (a|an|the|with|what|how|whether|where|who|its|it|only|nothing|true|false|nil|and)`, "", "returns (of a function), responds with (of a server)"),
	avoid(`is answered`, "", "gets (a response)"),
	avoid(`\w+ is no \w+`, `(?i)there is no |is no (longer|more|one|other)$`, "is not a ...; is not a valid ..."),
	avoid(`(both|either|each|every|one|other|the) doors?`, "", "surface"),
	avoid(`(the|of a|a) (town|crowd)s?`, "", "population, load; the field's word"),
	avoid(`written down`, "", "recorded, stored, logged"),
}

func avoid(expression, except, instead string) word {
	w := word{avoid: regexp.MustCompile(`(?i)\b(` + expression + `)\b`), instead: instead}
	if except != "" {
		w.except = regexp.MustCompile(except)
	}

	return w
}

// The kinds of files with English that people wrote.
var extensions = []string{".go", ".sql", ".ts", ".tsx", ".mjs", ".js", ".md", ".yaml"}

// Folders that are skipped wherever they are. A migration that has landed never changes, its comments included. What is
// below gen is generated from api and sql, which are checked.
var skipped = []string{"gen", "node_modules", "dist", "migrations", "testdata", ".git", ".dev"}

// This folder is skipped: it has the words themselves.
var itself = filepath.Join("tools", "words")

// Texts that contain a word and stay: names in e-mail addresses, the system user nobody, and the reason of a failed
// delivery, which API clients read.
var kept = regexp.MustCompile(`(?i)(some|no)body@|"postgres", "nobody"|nobody sent it in time`)

func main() {
	root := flag.String("root", ".", "the folder below which the arguments are")
	flag.Parse()

	found := 0

	for _, argument := range flag.Args() {
		err := filepath.WalkDir(filepath.Join(*root, argument), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (slices.Contains(skipped, entry.Name()) || path == filepath.Join(*root, itself)):
				return filepath.SkipDir
			case entry.IsDir() || !slices.Contains(extensions, filepath.Ext(path)):
				return nil
			}

			name, err := filepath.Rel(*root, path)
			if err != nil {
				return err
			}

			n, err := check(path, name)
			found += n

			return err
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}

	if found > 0 {
		os.Exit(1)
	}
}

// check prints the words of a file and returns their number.
func check(path, name string) (found int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()

	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)

	for n := 1; lines.Scan(); n++ {
		line := kept.ReplaceAllString(lines.Text(), "")

		for _, w := range words {
			for _, at := range w.avoid.FindAllStringIndex(line, -1) {
				text := line[at[0]:at[1]]
				if w.except != nil && w.except.MatchString(text) {
					continue
				}

				fmt.Printf("%s:%d: %q: write: %s\n", name, n, text, w.instead)

				found++
			}
		}
	}

	return found, lines.Err()
}
