package convert

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/oapi-codegen/nullable"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// EventCursor is the cursor of a list of audit events. A cursor is a position in a list as clients see it: JSON in base64url. A
// client may be between two pages while a new version starts, so names and types stay as they are.
type EventCursor struct {
	At time.Time `json:"a"`
	ID int64     `json:"i"`
}

var textCursor = language.Text{Chinese: "不是本服务返回的 next 值", English: "is not a cursor from this server"}

// CursorOf returns where a page begins, nil for the first.
func CursorOf[Cursor any](cursor *string) (*Cursor, error) {
	return CursorAt[Cursor]("?cursor", cursor)
}

// CursorAt is CursorOf for a cursor elsewhere in the request.
func CursorAt[Cursor any](field string, cursor *string) (*Cursor, error) {
	if cursor == nil {
		return nil, nil //nolint:nilnil // the first page
	}

	var position Cursor

	text, err := base64.RawURLEncoding.DecodeString(*cursor)
	if err == nil {
		err = json.Unmarshal(text, &position)
	}

	if err != nil || strings.Contains(string(text), `\u0000`) { // no text in the database contains it
		return nil, problem.ErrInvalidRequest.WithFields(problem.Field{Name: field, Message: textCursor})
	}

	return &position, nil
}

// ToCursor returns null if there is no next page.
func ToCursor[Cursor any](position *Cursor) (nullable.Nullable[api.Cursor], error) {
	if position == nil {
		return nullable.NewNullNullable[api.Cursor](), nil
	}

	text, err := json.Marshal(position)
	if err != nil {
		return nil, fmt.Errorf("cursor: %w", err)
	}

	return nullable.NewNullableWithValue(base64.RawURLEncoding.EncodeToString(text)), nil
}

// DefaultLimit is the size of a page, unless the request has another one.
const DefaultLimit = 50

// Limit returns the size of a page.
func Limit(limit *int) int32 {
	if limit == nil {
		return DefaultLimit
	}

	return int32(*limit) //nolint:gosec // the document's maximum is 200
}
