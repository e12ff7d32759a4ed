// Package docs_test compares the README and the pages of this folder with the repository: what they name exists, and
// the map is complete. The settings are compared in package config, the commands in package cli.
package docs_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
)

const maxReadmeLines = 150

// variables are read from the environment but are no settings of the server, by the file that reads them.
var variables = map[string]string{
	"PG_BIN":            "internal/platform/pgcluster/find.go",
	"CHROMIUM":          "test/browser/scripts/chromium.mjs",
	"FUZZTIME":          "Makefile",
	"TEST_DATABASE_URL": "internal/testkit/postgrestest/database.go",
}

var (
	capitals = regexp.MustCompile(`^[A-Z][A-Z0-9_]{2,}$`)
	fileName = regexp.MustCompile(`^[\w.-]*\w\.(go|md|mjs|sql|ya?ml|json|png|txt)$`)
	makeCall = regexp.MustCompile(`\bmake((?: [a-z][a-z-]*)+)`)
	testName = regexp.MustCompile(`\bTest[A-Z]\w*`)
	testRun  = regexp.MustCompile(`^go test -run '([^']+)' \./(\S+)$`)
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	metric   = regexp.MustCompile(`^gateway_\w+$`)
)

func TestReadmeIsOnePage(t *testing.T) {
	t.Parallel()

	if got := len(readPage(t, "README.md").lines); got > maxReadmeLines {
		t.Errorf("README.md has %d lines, the maximum is %d: move some to docs/", got, maxReadmeLines)
	}
}

func TestPathsExist(t *testing.T) {
	t.Parallel()

	ignored := ignoredFolders(t)

	for _, p := range pages(t) {
		for _, path := range p.paths() {
			built := slices.ContainsFunc(ignored, func(folder string) bool { return strings.HasPrefix(path+"/", folder) })
			if _, err := os.Stat(filepath.Join(root, path)); err != nil && !built {
				t.Errorf("%s names %s, which does not exist", p.path, path)
			}
		}
	}
}

// paths returns what the page names in backticks and is a path: a word with a slash that is neither a URL nor a path of
// one, a file by its suffix, and an argument of a command that starts with ./.
func (p page) paths() []string {
	var list []string

	for _, text := range p.spans {
		isPath := strings.Contains(text, "/") && !strings.Contains(text, " ") && !strings.HasPrefix(text, "/") && !strings.Contains(text, ":")
		if isPath || fileName.MatchString(text) {
			list = append(list, text)
		}
	}

	for _, command := range p.commands() {
		for _, word := range strings.Fields(command) {
			if path, isPath := strings.CutPrefix(word, "./"); isPath && path != "..." {
				list = append(list, path)
			}
		}
	}

	return list
}

// ignoredFolders returns the folders that only a build makes.
func ignoredFolders(t *testing.T) []string {
	t.Helper()

	var folders []string

	for line := range strings.Lines(read(t, ".gitignore")) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "/") && strings.HasSuffix(line, "/") {
			folders = append(folders, line[1:])
		}
	}

	return folders
}

func TestLinksResolve(t *testing.T) {
	t.Parallel()

	for _, p := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(p.prose, -1) {
			if strings.Contains(match[1], "://") {
				continue
			}

			path, anchor, _ := strings.Cut(match[1], "#")
			target := p.path

			if path != "" {
				target = filepath.Join(filepath.Dir(p.path), path)
			}

			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", p.path, match[1])
			} else if anchor != "" && !readPage(t, target).anchors()[anchor] {
				t.Errorf("%s links to %s: the page has no such heading", p.path, match[1])
			}
		}
	}
}

func TestMakeTargetsExist(t *testing.T) {
	t.Parallel()

	makefile := read(t, "Makefile")
	targets := map[string]bool{}

	for _, match := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllStringSubmatch(makefile, -1) {
		targets[match[1]] = true
	}

	named := map[string]bool{}

	for _, p := range pages(t) {
		for _, command := range p.commands() {
			for _, match := range makeCall.FindAllStringSubmatch(command, -1) {
				for _, target := range strings.Fields(match[1]) {
					named[target] = true

					if !targets[target] {
						t.Errorf("%s names make %s, which the Makefile does not have", p.path, target)
					}
				}
			}
		}
	}

	for _, match := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):.*## `).FindAllStringSubmatch(makefile, -1) {
		if !named[match[1]] {
			t.Errorf("no page names make %s", match[1])
		}
	}
}

func TestSettingsExist(t *testing.T) {
	t.Parallel()

	settings := map[string]bool{}
	for _, setting := range (config.Config{}).Settings() {
		settings[setting.Name] = true
		settings[setting.Default] = true // a value such as INFO
	}

	for name, file := range variables {
		if strings.Contains(read(t, file), name) {
			settings[name] = true
		} else {
			t.Errorf("%s does not read %s", file, name)
		}
	}

	for _, p := range pages(t) {
		for _, text := range p.spans {
			if capitals.MatchString(text) && !settings[text] {
				t.Errorf("%s names the setting %s, which does not exist", p.path, text)
			}
		}
	}
}

func TestMetricsExist(t *testing.T) {
	t.Parallel()

	metrics := read(t, "internal/app/metrics.go")

	for _, p := range pages(t) {
		for _, text := range p.spans {
			if metric.MatchString(text) && !strings.Contains(metrics, `"`+text+`"`) {
				t.Errorf("%s names the metric %s, which does not exist", p.path, text)
			}
		}
	}
}

// Tests that the pages name exist, and so do those that a -run of theirs selects.
func TestTestsExist(t *testing.T) {
	t.Parallel()

	all := map[string]bool{}
	for _, folder := range []string{"api", "bench", "docs", "internal", "sql", "test"} {
		maps.Copy(all, testsIn(t, folder))
	}

	for _, p := range pages(t) {
		for _, command := range p.commands() {
			for _, name := range testName.FindAllString(command, -1) {
				if !all[name] {
					t.Errorf("%s names %s, which does not exist", p.path, name)
				}
			}

			if run := testRun.FindStringSubmatch(command); run != nil {
				names := slices.Collect(maps.Keys(testsIn(t, run[2])))

				for pattern := range strings.SplitSeq(run[1], "|") {
					if !slices.ContainsFunc(names, regexp.MustCompile(pattern).MatchString) {
						t.Errorf("%s: `%s` selects no test by %s", p.path, command, pattern)
					}
				}
			}
		}
	}
}

func testsIn(t *testing.T, folder string) map[string]bool {
	t.Helper()

	names := map[string]bool{}

	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}

		source, err := os.ReadFile(path)
		for _, match := range testFunc.FindAllStringSubmatch(string(source), -1) {
			names[match[1]] = true
		}

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return names
}

// The map names every package, and no other.
func TestMapIsComplete(t *testing.T) {
	t.Parallel()

	drawn := readPage(t, "docs/contribute.md").section(t, "The map")

	for _, folder := range foldersIn(t, ".") {
		if !strings.Contains(drawn, "`"+folder+"/`") && !strings.Contains(drawn, "`"+folder+"/") {
			t.Errorf("the map does not name %s/", folder)
		}
	}

	for _, folder := range foldersIn(t, "internal") {
		if !strings.Contains(drawn, "**`internal/"+folder+"`**") {
			t.Errorf("the map does not name internal/%s", folder)
		}
	}

	for _, layer := range []string{"internal/surface", "internal/domain", "internal/platform", "internal/testkit", "test/"} {
		_, rest, _ := strings.Cut(drawn, "**`"+layer+"`**")
		_, rest, _ = strings.Cut(rest, "| package | what |\n|---|---|\n")
		table, _, _ := strings.Cut(rest, "\n\n")

		var rows []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
			rows = append(rows, row[1])
		}

		folders := foldersIn(t, layer)

		for _, folder := range folders {
			if !slices.Contains(rows, folder) {
				t.Errorf("the map does not name %s", filepath.Join(layer, folder))
			}
		}

		for _, row := range rows {
			if !slices.Contains(folders, row) {
				t.Errorf("the map names %s, which does not exist", filepath.Join(layer, row))
			}
		}
	}
}

// foldersIn lists the folders in one, except those that git ignores or keeps for itself.
func foldersIn(t *testing.T, path string) []string {
	t.Helper()

	entries, err := os.ReadDir(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}

	ignored := ignoredFolders(t)

	var names []string

	for _, entry := range entries {
		if name := entry.Name(); entry.IsDir() && !strings.HasPrefix(name, ".") && !slices.Contains(ignored, filepath.Join(path, name)+"/") {
			names = append(names, name)
		}
	}

	return names
}
