package public

import (
	"context"
	"crypto/rand"
	"math/big"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// errNotConfigured is returned for a type that this server has no settings for.
var errNotConfigured = problem.New(problem.Invalid, "NOT_CONFIGURED")

// Upload is where clients upload to.
type Upload struct {
	Type  string
	URL   string // empty: nowhere
	Limit int64  // KB, as the console reads it
}

// The lengths of the two parts of a generated pair, in characters.
const (
	secretIDLength  = 8
	secretKeyLength = 16
)

// GetOptions returns settings for the client, or a pair to use as a key.
func (p *Public) GetOptions(_ context.Context, r api.GetOptionsRequestObject) (api.GetOptionsResponseObject, error) {
	if r.Params.Type == nil {
		return nil, httpapi.UnknownChoice("type")
	}

	switch *r.Params.Type {
	case api.OptionsTypeGenerateSecret:
		id, err := drawText(secretIDLength, "abcdefghijklmnopqrstuvwxyz0123456789")
		if err != nil {
			return nil, err
		}

		key, err := drawText(secretKeyLength, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
		if err != nil {
			return nil, err
		}

		return api.GetOptions200JSONResponse{ID: &id, Key: &key}, nil
	case api.OptionsTypeUpload:
		upload := p.settings.Upload
		if upload.URL == "" {
			return nil, errNotConfigured
		}

		return api.GetOptions200JSONResponse{Type: &upload.Type, URL: &upload.URL, Limit: &upload.Limit}, nil
	default:
		lark := p.settings.Lark
		if lark.AppID == "" {
			return nil, errNotConfigured
		}

		return api.GetOptions200JSONResponse{URL: &lark.Authorize, Redirect: &lark.Redirect, AppID: &lark.AppID}, nil
	}
}

// drawText returns a random text, uniform over all texts of the length.
func drawText(length int, alphabet string) (string, error) {
	text := make([]byte, length)

	for i := range text {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			return "", err
		}

		text[i] = alphabet[n.Int64()]
	}

	return string(text), nil
}
