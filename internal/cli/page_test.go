package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// The commands in the README and in docs/ can be parsed, and the page for operators shows every command.
func TestPagesShowTheCommands(t *testing.T) {
	t.Parallel()

	parser, err := kong.New(&commands{}, kong.Name("toolkit-gateway"), kong.Vars{"version": "test"})
	if err != nil {
		t.Fatal(err)
	}

	operate := shown(t, "docs/operate.md")

	for _, line := range append(operate, shown(t, "README.md")...) {
		if strings.HasSuffix(line, "--help") {
			continue // ends the process
		}

		if _, err := parser.Parse(strings.Fields(line)); err != nil {
			t.Errorf("toolkit-gateway %s: %v", line, err)
		}
	}

	for _, command := range parser.Model.Leaves(true) {
		name := strings.TrimPrefix(command.FullPath(), "toolkit-gateway ")
		found := false

		for _, line := range operate {
			found = found || strings.HasPrefix(line+" ", name+" ")
		}

		if !found {
			t.Errorf("docs/operate.md does not show the command %s", name)
		}
	}
}

// shown returns the arguments of the commands in the page's indented code blocks.
func shown(t *testing.T, page string) []string {
	t.Helper()

	text, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}

	var list []string

	for line := range strings.Lines(string(text)) {
		command, _, _ := strings.Cut(line, "  #")
		command = strings.TrimPrefix(strings.TrimSpace(command), "bin/")

		if arguments, found := strings.CutPrefix(command, "toolkit-gateway "); found && strings.HasPrefix(line, "    ") {
			list = append(list, strings.TrimSpace(arguments))
		}
	}

	return list
}
