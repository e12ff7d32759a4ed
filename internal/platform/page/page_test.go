package page_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/page"
)

func TestCut(t *testing.T) {
	t.Parallel()

	position := func(last int) string { return "after " + strconv.Itoa(last) }
	item := func(row int) (string, error) { return strconv.Itoa(row), nil }

	for _, c := range []struct {
		rows  []int
		items []string
		next  string
	}{
		{nil, []string{}, ""},
		{[]int{1}, []string{"1"}, ""},
		{[]int{1, 2}, []string{"1", "2"}, ""},
		{[]int{1, 2, 3}, []string{"1", "2"}, "after 2"},
	} {
		got, err := page.Cut(c.rows, 2, position, item)
		if err != nil || !slices.Equal(got.Items, c.items) || got.Items == nil {
			t.Errorf("%v: items %q, %v", c.rows, got.Items, err)
		}

		if (got.Next == nil) != (c.next == "") || got.Next != nil && *got.Next != c.next {
			t.Errorf("%v: next %v, want %q", c.rows, got.Next, c.next)
		}
	}

	broken := errors.New("broken")
	if got, err := page.Cut([]int{1}, 2, position, func(int) (string, error) { return "", broken }); !errors.Is(err, broken) || got.Items != nil {
		t.Errorf("a row that cannot be read: %v, %v", got, err)
	}
}
