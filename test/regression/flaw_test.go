package regression_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// flaws is the number of defects of an earlier server with this interface, numbered from W-1. The comment of each test
// describes its defect.
const flaws = 15

// T-28: every flaw of the earlier server has a test that names it in its comment.
func TestEveryFlawHasATest(t *testing.T) {
	t.Parallel()

	named := map[string][]string{}
	flaw := regexp.MustCompile(`\bW-\d+\b`)

	read := func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}

		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}

		for _, declaration := range file.Decls {
			if test, ok := declaration.(*ast.FuncDecl); ok && strings.HasPrefix(test.Name.Name, "Test") && test.Recv == nil {
				for _, row := range flaw.FindAllString(test.Doc.Text(), -1) {
					named[row] = append(named[row], test.Name.Name)
				}
			}
		}

		return nil
	}

	for _, folder := range []string{"..", "../../internal"} {
		if err := filepath.WalkDir(folder, read); err != nil {
			t.Fatal(err)
		}
	}

	for n := 1; n <= flaws; n++ {
		if row := fmt.Sprint("W-", n); len(named[row]) == 0 {
			t.Errorf("no test names %s", row)
		} else {
			t.Logf("%-4s %s", row, strings.Join(named[row], ", "))
		}
	}
}
