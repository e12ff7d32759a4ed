package admin

import (
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/timeline"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// A cursor is a position in a list as clients see it: JSON in base64url. A client may be between two pages while a new
// version starts, so names and types stay as they are. Each can be converted to and from the domain's position.
type (
	accountCursor struct {
		ID   string    `json:"i"`
		Text string    `json:"t,omitempty"`
		Seen time.Time `json:"s,omitzero"`
	}

	eventCursor = convert.EventCursor // also of a replay

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
