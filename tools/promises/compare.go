package main

import (
	"os"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
)

// rules say which changes of the document break a promise.
type rules struct {
	levels   map[string]checker.Level
	accepted []string // changes that break a promise and were accepted, each as a line
}

func readRules(levelsFile, acceptedFile string) (rules, error) {
	found, err := checker.ProcessSeverityLevels(levelsFile)
	if err != nil {
		return rules{}, err
	}

	text, err := os.ReadFile(acceptedFile)
	if err != nil {
		return rules{}, err
	}

	return rules{found, strings.Split(strings.TrimSpace(string(text)), "\n")}, nil
}

// compare returns a line for each change from one document to the next that breaks a promise.
func (r rules) compare(before, now []byte) ([]string, error) {
	var infos [2]*load.SpecInfo

	for i, text := range [][]byte{before, now} {
		document, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			return nil, err
		}

		infos[i] = &load.SpecInfo{Url: "the document", Spec: document}
	}

	report, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), infos[0], infos[1])
	if err != nil {
		return nil, err
	}

	config := checker.NewConfig(checker.GetAllChecks(), checker.WithSeverityLevels(r.levels))
	localizer := checker.NewDefaultLocalizer()
	found := unseen(infos[0].Spec, infos[1].Spec)

	for _, change := range checker.CheckBackwardCompatibilityUntilLevel(config, report, sources, checker.ERR) {
		where := strings.TrimSpace(change.GetOperation() + " " + change.GetPath())
		if where == "" {
			where = change.GetSection()
		}

		found = append(found, where+" "+change.GetUncolorizedText(localizer))
	}

	slices.Sort(found)

	return slices.DeleteFunc(slices.Compact(found), func(line string) bool { return slices.Contains(r.accepted, line) }), nil
}
