package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the root of the repository.
const root = ".."

// page is one of the README and the pages of this folder.
type page struct {
	path  string // from the root
	lines []string
	prose string   // without the code blocks
	spans []string // code within the prose, in backticks
	code  []string // lines of the code blocks, without their comments
}

var (
	span    = regexp.MustCompile("`([^`]+)`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notSlug = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// pages reads the README and the pages of this folder.
func pages(t *testing.T) []page {
	t.Helper()

	paths, err := filepath.Glob("*.md")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no pages: %v", err)
	}

	list := []page{readPage(t, "README.md")}
	for _, path := range paths {
		list = append(list, readPage(t, "docs/"+path))
	}

	return list
}

func readPage(t *testing.T, path string) page {
	t.Helper()

	p := page{path: path, lines: strings.Split(strings.TrimSuffix(read(t, path), "\n"), "\n")}

	var (
		prose  strings.Builder
		fenced bool
		block  bool // an indented one, which follows an empty line
	)

	for i, line := range p.lines {
		block = strings.HasPrefix(line, "    ") && (block || i > 0 && p.lines[i-1] == "") || block && line == ""

		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced || block:
			text, _, _ := strings.Cut(line, " #")
			p.code = append(p.code, strings.TrimSpace(text))
		default:
			prose.WriteString(line + "\n")
		}
	}

	p.prose = prose.String()
	for _, match := range span.FindAllStringSubmatch(p.prose, -1) {
		p.spans = append(p.spans, strings.Join(strings.Fields(match[1]), " "))
	}

	return p
}

// commands returns everything on the page that could be a command: code blocks and spans.
func (p page) commands() []string { return append(append([]string{}, p.code...), p.spans...) }

// section returns the text from the heading to the next one of the same level or above.
func (p page) section(t *testing.T, title string) string {
	t.Helper()

	_, rest, found := strings.Cut(p.prose, "\n## "+title+"\n")
	if !found {
		t.Fatalf("%s has no section %q", p.path, title)
	}

	text, _, _ := strings.Cut(rest, "\n## ")

	return text
}

// anchors returns the fragments that lead to the headings of the page, as GitHub makes them.
func (p page) anchors() map[string]bool {
	set := map[string]bool{}

	for _, match := range heading.FindAllStringSubmatch(p.prose, -1) {
		slug := notSlug.ReplaceAllString(strings.ToLower(match[1]), "")
		set[strings.ReplaceAll(slug, " ", "-")] = true
	}

	return set
}

func read(t *testing.T, path string) string {
	t.Helper()

	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}
