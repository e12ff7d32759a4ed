package admin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oapi-codegen/nullable"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// versionOf parses an If-Match that the validator has accepted: a number in quotes.
func versionOf(ifMatch string) (int32, error) {
	version, err := strconv.ParseInt(strings.Trim(ifMatch, `"`), 10, 32)
	if err != nil {
		return 0, problem.ErrVersionConflict // larger than any version
	}

	return int32(version), nil
}

// etag is the header of a version.
func etag(version int32) string { return `"` + strconv.Itoa(int(version)) + `"` }

// keyOf returns the idempotency key of a change; the caller may have chosen one. request is all that the change depends on.
func keyOf(ctx context.Context, chosen *string, request ...any) (idempotency.Key, error) {
	return idempotency.NewKey(who(ctx).AccountID, convert.Text(chosen), request...)
}

// defaultLimit is the page size if the caller names none, as in the document.
const defaultLimit = 50

func limitOf(limit *int) int32 {
	if limit == nil {
		return defaultLimit
	}

	return int32(*limit) //nolint:gosec // the document's maximum is 200
}

var textCursor = language.Text{Chinese: "不是本服务返回的 next 值", English: "is not a cursor from this server"}

// cursorOf returns where a page begins, nil for the first.
func cursorOf[Position any](cursor *string) (*Position, error) {
	return cursorAt[Position]("?cursor", cursor)
}

// cursorAt is cursorOf for a cursor elsewhere in the request.
func cursorAt[Position any](field string, cursor *string) (*Position, error) {
	if cursor == nil {
		return nil, nil //nolint:nilnil // the first page
	}

	var position Position

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
func toCursor[Position any](position *Position) (nullable.Nullable[api.Cursor], error) {
	if position == nil {
		return nullable.NewNullNullable[api.Cursor](), nil
	}

	text, err := json.Marshal(position)
	if err != nil {
		return nil, fmt.Errorf("cursor: %w", err)
	}

	return nullable.NewNullableWithValue(base64.RawURLEncoding.EncodeToString(text)), nil
}

var textTime = language.Text{Chinese: "不是有效的时间", English: "is not a valid time"}

// timeOf parses a Timestamp of the query string.
func timeOf(name string, text *string) (*time.Time, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // not given
	}

	t, err := timeAt("?"+name, *text)

	return &t, err
}

// timeAt parses a time that the validator has accepted.
func timeAt(field, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, problem.ErrInvalidRequest.WithFields(problem.Field{Name: field, Message: textTime}).WithCause(fmt.Errorf("validated time: %w", err))
	}

	return t, nil
}
