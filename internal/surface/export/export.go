// Package export writes what is kept about a user, for the user. It reads while it writes: there may be much.
package export

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/page"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

// pageSize is how many events or messages are read at a time.
const pageSize = 500

// Exporter begins exports.
type Exporter struct {
	Profiles  *profile.Profiles
	Accounts  *administration.Administration
	Sessions  *session.Sessions
	Devices   *device.Devices
	Events    *audit.Reader
	Messages  *delivery.Log
	Places    *geo.Locator
	Retention time.Duration // how long a deleted account is kept
	Now       func() time.Time
}

// Export is the document's OwnData, of which the events and messages are read while it is written: it may be large.
type Export struct {
	exporter *Exporter
	ctx      context.Context //nolint:containedctx // of the request, whose response is written after its handler
	head     api.OwnData     // without events and messages
	account  administration.Details
}

// Begin begins the export of the caller's data, and records it.
func (x *Exporter) Begin(ctx context.Context, who session.Principal) (*Export, error) {
	if err := x.Profiles.RecordExport(ctx, who); err != nil {
		return nil, err
	}

	found, err := x.Accounts.Get(ctx, who.Account.ID)
	if err != nil {
		return nil, err
	}

	sessions, err := x.Sessions.List(ctx, found.ID)
	if err != nil {
		return nil, err
	}

	devices, err := x.Devices.List(ctx, found.ID)
	if err != nil {
		return nil, err
	}

	in := origin.From(ctx).Language

	return &Export{exporter: x, ctx: ctx, account: found, head: api.OwnData{
		Success: true, ExportedAt: convert.Time(x.Now()), Account: convert.Account(found, x.Retention),
		Sessions: convert.Sessions(sessions, who.SessionID, x.Places, in).Sessions, Devices: convert.Devices(devices, x.Places, in).Devices,
		Events: []api.AuditEvent{}, Deliveries: []api.Delivery{},
	}}, nil
}

// Write writes the response. After an error it is not a whole JSON text, which tells its reader that it is not complete.
func (e *Export) Write(w http.ResponseWriter) error {
	// The two lists are the last members, and empty in the head.
	text, err := json.Marshal(e.head)

	head, ordered := bytes.CutSuffix(text, []byte(`"events":[],"deliveries":[]}`))
	if err != nil || !ordered {
		return fmt.Errorf("encode export, its lists last: %t, %w", ordered, err)
	}

	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)

	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("write export: %w", err)
	}

	in := origin.From(e.ctx).Language

	err = list(w, `"events":[`, func(after *audit.Position) (page.Page[audit.Entry, audit.Position], error) {
		return e.exporter.Events.Find(e.ctx, audit.Search{AccountID: e.account.ID, Before: after, Limit: pageSize})
	}, func(entry audit.Entry) any { return e.event(entry, in) })
	if err != nil {
		return err
	}

	recipients := []string{e.account.Email}
	if e.account.Phone != "" {
		recipients = append(recipients, e.account.Phone)
	}

	err = list(w, `],"deliveries":[`, func(after *delivery.Position) (page.Page[delivery.LogEntry, delivery.Position], error) {
		return e.exporter.Messages.Find(e.ctx, delivery.Search{Recipients: recipients, Before: after, Limit: pageSize})
	}, func(entry delivery.LogEntry) any { return convert.Delivery(entry) })
	if err != nil {
		return err
	}

	if _, err := io.WriteString(w, "]}"); err != nil {
		return fmt.Errorf("write export: %w", err)
	}

	return nil
}

// event leaves out which administrator has acted: that is data about someone else.
func (e *Export) event(entry audit.Entry, in language.Language) api.AuditEvent {
	if entry.ActorID != e.account.ID {
		entry.ActorID = ""
	}

	return convert.Event(entry, e.exporter.Places, in)
}

// list writes the entries of all pages, separated by commas.
func list[Entry, Position any](
	w io.Writer, before string, read func(after *Position) (page.Page[Entry, Position], error), show func(Entry) any,
) error {
	separator := before

	var after *Position

	for {
		found, err := read(after)
		if err != nil {
			return err
		}

		for _, entry := range found.Items {
			text, err := json.Marshal(show(entry))
			if err != nil {
				return fmt.Errorf("encode export: %w", err)
			}

			if _, err := fmt.Fprintf(w, "%s%s", separator, text); err != nil {
				return fmt.Errorf("write export: %w", err)
			}

			separator = ","
		}

		if after = found.Next; after == nil {
			break
		}
	}

	if separator == before { // there was none
		if _, err := io.WriteString(w, before); err != nil {
			return fmt.Errorf("write export: %w", err)
		}
	}

	return nil
}
