package admin

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/oapi-codegen/nullable"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/timeline"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// A cursor is a position in a list as clients see it: JSON in base64url. A client may be between two pages while a new
// version starts, so names and types stay as they are. Each can be converted to and from the domain's position.
type (
	accountCursor struct {
		ID   string    `json:"i"`
		Text string    `json:"t,omitempty"`
		Seen time.Time `json:"s,omitzero"`
	}

	eventCursor struct { // also of a replay
		At time.Time `json:"a"`
		ID int64     `json:"i"`
	}

	deliveryCursor struct {
		At time.Time `json:"a"`
		ID string    `json:"i"`
	}

	webhookDeliveryCursor struct {
		EventID int64 `json:"e"`
	}

	timelineCursor struct {
		Event    *eventCursor    `json:"e,omitempty"`
		Delivery *deliveryCursor `json:"d,omitempty"`
	}
)

func (c timelineCursor) position() timeline.Position {
	return timeline.Position{Event: (*audit.Position)(c.Event), Delivery: (*delivery.Position)(c.Delivery)}
}

func timelineCursorOf(position *timeline.Position) *timelineCursor {
	if position == nil {
		return nil
	}

	return &timelineCursor{Event: (*eventCursor)(position.Event), Delivery: (*deliveryCursor)(position.Delivery)}
}

var textCursor = language.Text{Chinese: "不是本服务返回的 next 值", English: "is not a cursor from this server"}

// cursorOf returns where a page begins, nil for the first.
func cursorOf[Cursor any](cursor *string) (*Cursor, error) {
	return cursorAt[Cursor]("?cursor", cursor)
}

// cursorAt is cursorOf for a cursor elsewhere in the request.
func cursorAt[Cursor any](field string, cursor *string) (*Cursor, error) {
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

// toCursor returns null if there is no next page.
func toCursor[Cursor any](position *Cursor) (nullable.Nullable[api.Cursor], error) {
	if position == nil {
		return nullable.NewNullNullable[api.Cursor](), nil
	}

	text, err := json.Marshal(position)
	if err != nil {
		return nil, fmt.Errorf("cursor: %w", err)
	}

	return nullable.NewNullableWithValue(base64.RawURLEncoding.EncodeToString(text)), nil
}
