// Package appversion compares the version that an app sends in X-Client with the least that the operator supports.
package appversion

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Minimum is the least supported version of each app, by its name.
type Minimum map[string][]int

var (
	// setting is a name and a version, such as studio=2.3.1.
	setting = regexp.MustCompile(`^([a-z0-9][a-z0-9-]{0,31})=([0-9]{1,9}(?:\.[0-9]{1,9}){0,3})$`)
	// sent is the beginning of a version as apps write it: v2.3.1, 2.3.1-beta, 2.3.1 (Windows).
	sent = regexp.MustCompile(`^[vV]?([0-9]{1,9}(?:\.[0-9]{1,9}){0,3})(?:[^0-9.]|$)`)
)

// Parse reads a list such as studio=2.3.1, mobile=4. A version has one to four numbers of at most nine digits.
func Parse(list []string) (Minimum, error) {
	minimum := Minimum{}

	for _, one := range list {
		parts := setting.FindStringSubmatch(strings.TrimSpace(one))
		if parts == nil {
			return nil, fmt.Errorf("%q is not of the form name=version, such as studio=2.3.1", one)
		} else if minimum[parts[1]] != nil {
			return nil, fmt.Errorf("%s has two versions", parts[1])
		}

		minimum[parts[1]] = numbers(parts[2])
	}

	return minimum, nil
}

// Allows reports whether an app may go on. header is what it sends in X-Client, such as studio/2.3.1. An app that does not name
// itself may, and one without a minimum. One that has a minimum and sends no version that can be read may not.
func (m Minimum) Allows(header string) bool {
	name, version, _ := strings.Cut(strings.TrimSpace(header), "/")

	least, limited := m[name]
	if !limited {
		return true
	}

	parts := sent.FindStringSubmatch(strings.TrimSpace(version))

	return parts != nil && slices.Compare(numbers(parts[1]), least) >= 0
}

// numbers returns the numbers of a version without zeros at the end: 2.0 is 2.
func numbers(version string) []int {
	list := []int{}

	for one := range strings.SplitSeq(version, ".") {
		n, _ := strconv.Atoi(one) // at most nine digits
		list = append(list, n)
	}

	for len(list) > 0 && list[len(list)-1] == 0 {
		list = list[:len(list)-1]
	}

	return list
}
