package contract_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// generatedPackage holds a struct for each schema and for the parameters of each operation.
const generatedPackage = "github.com/konec/toolkit-gateway/gen/api"

const (
	byPipeline = "internal/platform/httpapi/write.go writes every error"
	byWebhook  = "internal/domain/webhook sends it"
	asSaid     = "its description says that it is not used"
)

// notInSurfaces are the members that no surface reads or sets, each with the reason.
var notInSurfaces = map[string]string{
	"AccountNotFound.Success": byPipeline, "AccountNotFound.Code": byPipeline, "AccountNotFound.Message": byPipeline,
	"AccountNotFound.RequestID": byPipeline, "AccountNotFound.Errors": byPipeline, "AccountNotFound.Methods": byPipeline,

	"ReceiveAuditEventJSONRequestBody.Type": byWebhook, "ReceiveAuditEventJSONRequestBody.Timestamp": byWebhook,
	"ReceiveAuditEventJSONRequestBody.Data": byWebhook, "ReceiveAuditEventParams.WebhookID": byWebhook,
	"ReceiveAuditEventParams.WebhookTimestamp": byWebhook, "ReceiveAuditEventParams.WebhookSignature": byWebhook,

	"AuthorizeLarkParams.RedirectURI": asSaid, "AuthorizeLarkParams.AppID": asSaid, "ReturnFromLarkParams.ErrorDescription": asSaid,
	"AuthorizeLarkForAppParams.CodeChallengeMethod": "the document allows one value, and requires it",
	"ShowFirstRunParams.Error":                      "the page without a token says why no administrator was created",
}

// listedPackage is what `go list -json` says of a package.
type listedPackage struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
}

// CON-D1, A1 row 21: the code uses every member and every parameter of the document. One that the document alone has gets a
// field in gen/api that no surface reads or sets, and the server would ignore it, or never send it.
func TestEveryMemberIsUsed(t *testing.T) {
	t.Parallel()

	packages, exports := listPackages(t, "./internal/surface/...")
	files := token.NewFileSet()
	from := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	used := map[*types.Var]bool{}

	for _, one := range packages {
		markUsed(t, files, from, one, used)
	}

	generated, err := from.Import(generatedPackage)
	if err != nil {
		t.Fatal(err)
	}

	checked := 0

	for _, name := range generated.Scope().Names() {
		object, isType := generated.Scope().Lookup(name).(*types.TypeName)
		if !isType || strings.HasSuffix(name, "Error") {
			continue
		}

		fields, ok := object.Type().Underlying().(*types.Struct)
		if !ok {
			continue
		}

		for i := range fields.NumFields() {
			tag := reflect.StructTag(fields.Tag(i))
			if tag.Get("json") == "" && tag.Get("form") == "" {
				continue
			}

			checked++

			field := name + "." + fields.Field(i).Name()

			if known := notInSurfaces[field] != ""; !used[fields.Field(i)] && !known {
				t.Errorf("%s: the document has it, and no surface reads or sets it", field)
			} else if known && used[fields.Field(i)] {
				t.Errorf("%s is used: take it from notInSurfaces", field)
			}

			used[fields.Field(i)] = true // named once, under the first of its types
		}
	}

	if checked < 400 {
		t.Errorf("only %d members found", checked)
	}
}

// listPackages returns packages of this repository, and for each package that they import the file with its types.
func listPackages(t *testing.T, patterns ...string) ([]listedPackage, map[string]string) {
	t.Helper()

	command := exec.CommandContext(t.Context(), "go", slices.Concat(
		[]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,DepOnly"}, patterns)...)
	command.Dir = "../.."
	command.Stderr = os.Stderr

	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}

	var packages []listedPackage

	exports := map[string]string{}

	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var one listedPackage
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return packages, exports
		} else if err != nil {
			t.Fatal(err)
		}

		exports[one.ImportPath] = one.Export

		if !one.DepOnly {
			packages = append(packages, one)
		}
	}
}

// markUsed marks the fields of the generated structs that a package reads, sets or passes on by a conversion of the struct.
func markUsed(t *testing.T, files *token.FileSet, from types.Importer, one listedPackage, used map[*types.Var]bool) {
	t.Helper()

	parsed, info, _ := checkPackage(t, files, from, one)

	for _, object := range info.Uses { // also the keys of literals
		if field, ok := object.(*types.Var); ok && field.IsField() {
			used[field] = true
		}
	}

	for _, file := range parsed {
		ast.Inspect(file, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok && len(call.Args) == 1 && info.Types[call.Fun].IsType() {
				markConversion(info.Types[call.Fun].Type, info.Types[call.Args[0]].Type, used)
			}

			return true
		})
	}
}

// checkPackage parses a package and finds its types.
func checkPackage(t *testing.T, files *token.FileSet, from types.Importer, one listedPackage) ([]*ast.File, *types.Info, *types.Package) {
	t.Helper()

	var parsed []*ast.File

	for _, name := range one.GoFiles {
		file, err := parser.ParseFile(files, filepath.Join(one.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}

		parsed = append(parsed, file)
	}

	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}

	checked, err := (&types.Config{Importer: from}).Check(one.ImportPath, files, parsed, info)
	if err != nil {
		t.Fatal(err)
	}

	return parsed, info, checked
}

// markConversion marks every field of a struct that is converted to a struct with other fields.
func markConversion(to, from types.Type, used map[*types.Var]bool) {
	a, isA := to.Underlying().(*types.Struct)
	b, isB := from.Underlying().(*types.Struct)

	if isA && isB && a != b {
		for _, one := range []*types.Struct{a, b} {
			for field := range one.Fields() {
				used[field] = true
			}
		}
	}
}
