package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// CON-D2, table A2: each of 31 edits of the document that breaks a client, or weakens the server, is refused, and so are
// others of their kinds. What breaks no client passes.
func TestEveryBrokenPromiseIsSeen(t *testing.T) {
	t.Parallel()

	if len(caught) != 15 || len(passed) != 16 {
		t.Errorf("%d and %d edits, want 15 and 16", len(caught), len(passed))
	}

	rules, err := readRules("../../"+levels, "../../"+accepted)
	if err != nil {
		t.Fatal(err)
	}

	before, err := os.ReadFile("../../" + bundle)
	if err != nil {
		t.Fatal(err)
	}

	for _, one := range slices.Concat(caught, passed, more) {
		found := rules.after(t, before, one)
		if len(found) == 0 {
			t.Errorf("%s: passed", one.name)

			continue
		}

		t.Logf("%s: %d lines, such as %s", one.name, len(found), found[0])
	}

	for _, one := range harmless {
		if found := rules.after(t, before, one); len(found) > 0 {
			t.Errorf("%s: refused, %s", one.name, strings.Join(found, "\n"))
		}
	}
}

// after returns what an edit of the document breaks.
func (r rules) after(t *testing.T, before []byte, one edit) []string {
	t.Helper()

	document, err := openapi3.NewLoader().LoadFromData(before)
	if err != nil {
		t.Fatal(err)
	}

	one.make(document)

	now, err := document.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}

	found, err := r.compare(before, now)
	if err != nil {
		t.Fatalf("%s: %v", one.name, err)
	}

	return found
}

// A break that was accepted is not reported again, and no other one is accepted with it.
func TestAcceptedBreakPasses(t *testing.T) {
	t.Parallel()

	rules, err := readRules("../../"+levels, "../../"+accepted)
	if err != nil {
		t.Fatal(err)
	}

	before, err := os.ReadFile("../../" + bundle)
	if err != nil {
		t.Fatal(err)
	}

	two := edit{"two breaks", func(d *openapi3.T) {
		operation(d, "getMe").OperationID = "me"
		operation(d, "verify").OperationID = "check"
	}}

	found := rules.after(t, before, two)
	if len(found) != 2 {
		t.Fatalf("%q", found)
	}

	rules.accepted = append(rules.accepted, found[0])
	if left := rules.after(t, before, two); len(left) != 1 || left[0] != found[1] {
		t.Errorf("%q", left)
	}
}
