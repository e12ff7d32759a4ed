package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// extensions are those of an operation on which its security, or its clients, depend. The value of a reason is a sentence for
// people: only its presence counts.
var (
	extensions = []string{"x-required-right", "x-costly", "x-side-effects", "x-surface"}
	reasons    = []string{"x-extra-query", "x-linked", "x-cross-site"}
)

// unseen returns a line for each change that breaks a promise and that oasdiff does not see: a cookie or header of another
// name, an extension on which security depends, an error code that is gone or no longer listed. A new code breaks nothing: the
// document asks clients to expect codes that they do not know.
func unseen(before, now *openapi3.T) []string {
	var found []string

	for _, name := range slices.Sorted(maps.Keys(before.Components.SecuritySchemes)) {
		was, is := before.Components.SecuritySchemes[name].Value, now.Components.SecuritySchemes[name]
		if is == nil || is.Value.Type != was.Type || is.Value.In != was.In || is.Value.Name != was.Name || is.Value.Scheme != was.Scheme {
			found = append(found, fmt.Sprintf("components the security scheme `%s` changed", name))
		}
	}

	for _, code := range schemaEnum(before, "ErrorCode") {
		if !slices.Contains(schemaEnum(now, "ErrorCode"), code) {
			found = append(found, fmt.Sprintf("components `ErrorCode` lost the value `%s`", code))
		}
	}

	for _, path := range slices.Sorted(maps.Keys(before.Paths.Map())) {
		item := now.Paths.Value(path)
		if item == nil {
			continue // oasdiff sees it
		}

		for method, was := range before.Paths.Value(path).Operations() {
			if is := item.Operations()[method]; is != nil {
				for _, line := range unseenOf(was, is) {
					found = append(found, method+" "+path+" "+line)
				}
			}
		}
	}

	return found
}

func schemaEnum(document *openapi3.T, name string) []any {
	if one := document.Components.Schemas[name]; one != nil {
		return one.Value.Enum
	}

	return nil
}

func unseenOf(was, is *openapi3.Operation) []string {
	var found []string

	for _, name := range extensions {
		if a, b := fmt.Sprint(was.Extensions[name]), fmt.Sprint(is.Extensions[name]); a != b {
			found = append(found, fmt.Sprintf("changed `%s` from `%s` to `%s`", name, a, b))
		}
	}

	for _, name := range reasons {
		if a, b := was.Extensions[name] != nil, is.Extensions[name] != nil; a != b {
			found = append(found, fmt.Sprintf("`%s` was added or removed", name))
		}
	}

	for status, response := range was.Responses.Map() {
		if other := is.Responses.Value(status); other != nil {
			for _, code := range codesOf(response.Value) {
				if !slices.Contains(codesOf(other.Value), code) {
					found = append(found, fmt.Sprintf("no longer lists the code `%s` of the response `%s`", code, status))
				}
			}
		}
	}

	return found
}

// codesOf returns the error codes that a response lists: the names of its examples, or those of a redirect.
func codesOf(response *openapi3.Response) []string {
	var codes []string

	for _, media := range response.Content {
		codes = slices.AppendSeq(codes, maps.Keys(media.Examples))
	}

	listed, _ := response.Extensions["x-redirect-errors"].([]any)
	for _, code := range listed {
		codes = append(codes, fmt.Sprint(code))
	}

	return codes
}
