package admin

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// versionsOf parses an If-Match that the validator has accepted (RFC 9110, section 13.1.1): the versions that the caller
// accepts, nil for any. A weak tag counts as the version that it names, because proxies that compress weaken tags. Other
// tags match nothing.
func versionsOf(ifMatch string) ([]int32, error) {
	if strings.TrimSpace(ifMatch) == "*" {
		return nil, nil
	}

	var versions []int32

	for _, tag := range entityTags.FindAllStringSubmatch(ifMatch, -1) {
		version, err := strconv.ParseUint(tag[1], 10, 31)
		if err == nil && etag(int32(version)) == `"`+tag[1]+`"` {
			versions = append(versions, int32(version))
		}
	}

	if versions == nil {
		return nil, problem.ErrVersionConflict
	}

	return versions, nil
}

// entityTags finds the tags of a list. A tag may contain commas.
var entityTags = regexp.MustCompile(`"([^"]*)"`)

// etag is the header of a version.
func etag(version int32) string { return `"` + strconv.Itoa(int(version)) + `"` }

// keyOf returns the idempotency key of a change; the caller may have chosen one. request is all that the change depends on.
func keyOf(ctx context.Context, chosen *string, request ...any) (idempotency.Key, error) {
	return idempotency.NewKey(actor(ctx).AccountID, convert.Text(chosen), request...)
}

// keyOfTarget is keyOf for a change of a target in some version. One version has the digest that it always had.
func keyOfTarget(ctx context.Context, chosen *string, operation string, target authority.Target, rest ...any) (idempotency.Key, error) {
	request := append([]any{operation, target.ID, target.Version}, rest...)
	if len(target.OrVersions) > 0 {
		request = append(request, target.OrVersions)
	}

	return keyOf(ctx, chosen, request...)
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
