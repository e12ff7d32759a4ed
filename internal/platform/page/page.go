// Package page holds a part of a list and where the next part begins. It knows no table and no wire format.
package page

// Page is a part of a list.
type Page[Item, Position any] struct {
	Items []Item
	Next  *Position // of the last item; nil if the list ends with it
}

// Cut returns the page of at most limit items that rows hold. The caller asks the database for one row more than limit:
// that row shows that there is a next page, and is left out of this one.
func Cut[Row, Item, Position any](rows []Row, limit int32, position func(last Row) Position, item func(Row) (Item, error)) (Page[Item, Position], error) {
	var page Page[Item, Position]

	if len(rows) > int(limit) {
		rows = rows[:limit]
		next := position(rows[limit-1])
		page.Next = &next
	}

	page.Items = make([]Item, len(rows))

	for i, row := range rows {
		var err error
		if page.Items[i], err = item(row); err != nil {
			return Page[Item, Position]{}, err
		}
	}

	return page, nil
}
