package public

import (
	"context"
	"net/http"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/surface/export"
)

// DeleteUser deletes the account, and signs the browser out.
func (p *Public) DeleteUser(ctx context.Context, _ api.DeleteUserRequestObject) (api.DeleteUserResponseObject, error) {
	if err := p.profiles.Leave(ctx, who(ctx).Principal); err != nil {
		return nil, err
	}

	httpapi.SetCookie(ctx, hostCookie(cookieSession, "", 0))
	p.setFresh(ctx)

	return api.DeleteUser204Response{}, nil
}

type exported struct{ *export.Export }

func (e exported) VisitExportUserResponse(w http.ResponseWriter) error { return e.Write(w) }

// ExportUser returns all data about the user.
func (p *Public) ExportUser(ctx context.Context, _ api.ExportUserRequestObject) (api.ExportUserResponseObject, error) {
	begun, err := p.exporter.Begin(withDevice(ctx), who(ctx).Principal)
	if err != nil {
		return nil, err
	}

	return exported{begun}, nil
}
