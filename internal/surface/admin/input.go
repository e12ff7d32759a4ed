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
	"github.com/konec/toolkit-gateway/internal/surface/present"
)

// versionOf reads an If-Match that the validator has let pass: a number in quotes.
func versionOf(ifMatch string) (int32, error) {
	version, err := strconv.ParseInt(strings.Trim(ifMatch, `"`), 10, 32)
	if err != nil {
		return 0, problem.ErrVersionConflict // larger than any version is
	}

	return int32(version), nil
}

// etag is the header of a version.
func etag(version int32) string { return `"` + strconv.Itoa(int(version)) + `"` }

// keyOf is the key of a change, which the caller chose or not. request is all that the change depends on.
func keyOf(ctx context.Context, chosen *string, request ...any) (idempotency.Key, error) {
	return idempotency.NewKey(who(ctx).AccountID, present.Text(chosen), request...)
}

// defaultLimit is how many a page holds, unless the caller says so; the document's.
const defaultLimit = 50

func limitOf(limit *int) int32 {
	if limit == nil {
		return defaultLimit
	}

	return int32(*limit) //nolint:gosec // the document's maximum is 200
}

var textCursor = language.Text{Chinese: "不是本服务给出的 next", English: "is no next of this server's"}

// cursorOf reads where a page begins, nil for the first.
func cursorOf[Position any](cursor *string) (*Position, error) {
	return cursorAt[Position]("?cursor", cursor)
}

// cursorAt is cursorOf for one at another place of the request.
func cursorAt[Position any](field string, cursor *string) (*Position, error) {
	if cursor == nil {
		return nil, nil //nolint:nilnil // the first page
	}

	var position Position

	text, err := base64.RawURLEncoding.DecodeString(*cursor)
	if err == nil {
		err = json.Unmarshal(text, &position)
	}

	if err != nil || strings.Contains(string(text), `\u0000`) { // which no text of the database has
		return nil, problem.ErrInvalidRequest.At(problem.Field{Name: field, Message: textCursor})
	}

	return &position, nil
}

// toCursor is null where there is no next page.
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

var textTime = language.Text{Chinese: "不是有效的时间", English: "is no time"}

// timeOf reads a Timestamp of the query string.
func timeOf(name string, text *string) (*time.Time, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // not asked for
	}

	t, err := timeAt("?"+name, *text)

	return &t, err
}

// timeAt reads a time that the validator has let pass.
func timeAt(field, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, problem.ErrInvalidRequest.At(problem.Field{Name: field, Message: textTime}).Because(fmt.Errorf("validated time: %w", err))
	}

	return t, nil
}
