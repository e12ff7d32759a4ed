package contract_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// CON-D1, A1 row 23: the numbers in the document's prose are those of the code. Each place that states one has a row in
// stated(); a number that no row explains, and a row whose number the text no longer states, both fail.
func TestNumbersInProseAreThoseOfTheCode(t *testing.T) {
	t.Parallel()

	table := stated(t)
	found := numbersByPlace(t)

	for _, place := range slices.Sorted(maps.Keys(found)) {
		for _, one := range found[place] {
			if !slices.ContainsFunc(table[place], one.states) {
				t.Errorf("%s: %q is not in the row %q of stated(): %v", place, one.text, place, table[place])
			}
		}
	}

	for _, place := range slices.Sorted(maps.Keys(table)) {
		for _, fact := range table[place] {
			if !slices.ContainsFunc(found[place], func(one number) bool { return one.states(fact) }) {
				t.Errorf("%s: the text does not state %v, which the row in stated() has", place, fact)
			}
		}
	}

	if len(found) < 60 {
		t.Errorf("only %d places with numbers found", len(found))
	}
}

// number is a number of a text, with its unit if that is a time.
type number struct {
	text  string
	value int64
	unit  time.Duration
}

// states reports whether the number is the fact, a duration or a count.
func (n number) states(fact any) bool {
	if duration, ok := fact.(time.Duration); ok {
		return n.unit > 0 && time.Duration(n.value)*n.unit == duration
	}

	return n.unit == 0 && fmt.Sprint(n.value) == fmt.Sprint(fact)
}

var (
	// What looks like a number and states none: code, list items, standards, statuses, classes of statuses.
	notStated = regexp.MustCompile("`[^`]*`" + `|(?m:^\s*\d+\. )|RFC\s+\d+(, section [\d.]+)?|ISO\s+8601|UTF-8|base64|SHA256|HTTP/1\.1|OAuth 2\.0|\b[2-5](\d\d|xx)\b|E\.164|Ed25519`)

	numberPattern = regexp.MustCompile(`(?i)(\d[\d,]*|\b(?:` + strings.Join(slices.Collect(maps.Keys(englishNumbers)), "|") + `)\b|[二三四五六七八九十百两]+)` +
		`[ -]?(seconds?|minutes?|hours?|days?|秒|分钟|小时|天|KiB|[a-z]+|\p{Han})?`)
)

var englishNumbers = map[string]int64{
	"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
	"fifteen": 15, "sixteen": 16, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100, "thousand": 1000,
}

var units = map[string]time.Duration{
	"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
	"秒": time.Second, "分钟": time.Minute, "小时": time.Hour, "天": 24 * time.Hour,
}

// numbersIn returns the numbers that a text states. A number below four without a unit of time is a word of its sentence, as
// in "two factors", and counts as none.
func numbersIn(text string) []number {
	text = strings.Join(strings.Fields(notStated.ReplaceAllString(text, " ; ")), " ")

	var list []number

	for _, match := range numberPattern.FindAllStringSubmatch(text, -1) {
		n := number{text: match[0], value: valueOf(strings.ToLower(match[1]))}
		n.unit = units[strings.TrimSuffix(strings.ToLower(match[2]), "s")]

		if match[2] == "KiB" {
			n.value <<= 10
		}

		if n.unit > 0 || n.value > 3 {
			list = append(list, n)
		}
	}

	return list
}

// valueOf reads a number in digits, English or Chinese.
func valueOf(text string) int64 {
	if value, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64); err == nil {
		return value
	}

	if value, ok := englishNumbers[text]; ok {
		return value
	}

	digits := map[rune]int64{'二': 2, '两': 2, '三': 3, '四': 4, '五': 5, '六': 6, '七': 7, '八': 8, '九': 9}

	var sum, last int64

	for _, r := range text {
		switch r {
		case '十':
			sum, last = sum+10*cmp.Or(last, 1), 0
		case '百':
			sum, last = sum+100*cmp.Or(last, 1), 0
		default:
			last = digits[r]
		}
	}

	return sum + last
}

// numbersByPlace returns the numbers in the summaries and descriptions of the document. The place is the operation, the
// component such as schemas/Email, or info.
func numbersByPlace(t *testing.T) map[string][]number {
	t.Helper()

	text, err := apptest.Document().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}

	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}

	found := map[string][]number{}

	walkProse(tree, nil, "", func(place, text string) {
		if list := numbersIn(text); len(list) > 0 {
			found[place] = append(found[place], list...)
		}
	})

	return found
}

// walkProse visits every summary and description.
func walkProse(node any, path []string, operation string, visit func(place, text string)) {
	switch node := node.(type) {
	case map[string]any:
		if id, ok := node["operationId"].(string); ok {
			operation = id
		}

		for name, child := range node {
			text, isText := child.(string)

			switch {
			case isText && (name == "description" || name == "summary"):
				visit(placeOf(path, operation), text)
			case name != "example" && name != "examples":
				walkProse(child, append(slices.Clone(path), name), operation, visit)
			}
		}
	case []any:
		for _, child := range node {
			walkProse(child, path, operation, visit)
		}
	}
}

func placeOf(path []string, operation string) string {
	switch {
	case operation != "":
		return operation
	case len(path) > 2 && path[0] == "components":
		return path[1] + "/" + path[2]
	}

	return strings.Join(path, "/")
}
