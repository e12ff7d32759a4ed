package toolkit

import (
	"context"
	"net/http"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/surface/export"
)

// DeleteMe deletes the account.
func (t *Toolkit) DeleteMe(ctx context.Context, _ api.DeleteMeRequestObject) (api.DeleteMeResponseObject, error) {
	if err := t.profiles.Leave(ctx, who(ctx)); err != nil {
		return nil, err
	}

	return api.DeleteMe204Response{}, nil
}

type exported struct{ *export.Export }

func (e exported) VisitExportMeResponse(w http.ResponseWriter) error { return e.Write(w) }

// ExportMe returns all data about the user.
func (t *Toolkit) ExportMe(ctx context.Context, _ api.ExportMeRequestObject) (api.ExportMeResponseObject, error) {
	begun, err := t.exporter.Begin(ctx, who(ctx))
	if err != nil {
		return nil, err
	}

	return exported{begun}, nil
}
