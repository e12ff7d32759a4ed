package factor

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// Format is the format of a picture.
type Format string

// The formats of QR.
const (
	PNG Format = "png"
	SVG Format = "svg"
)

const (
	// quietZone is the margin that a reader needs, in modules (ISO/IEC 18004).
	quietZone = 4
	// moduleSize is the side of a module of the PNG, in pixels.
	moduleSize = 8
)

// QR draws a text, an otpauth URL, as a QR code, dark on white whatever the colors of the page are.
func QR(text string, format Format) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		// Not the library's own message, which might quote the text, a secret.
		return nil, fmt.Errorf("qr code: %d bytes do not fit", len(text))
	}

	switch format {
	case PNG:
		return drawPNG(code)
	case SVG:
		return drawSVG(code), nil
	default:
		return nil, fmt.Errorf("qr code: no format %q", format)
	}
}

func drawPNG(code barcode.Barcode) ([]byte, error) {
	side := (code.Bounds().Dx() + 2*quietZone) * moduleSize
	picture := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})

	for y := range side {
		for x := range side {
			if dark(code, x/moduleSize-quietZone, y/moduleSize-quietZone) {
				picture.SetColorIndex(x, y, 1)
			}
		}
	}

	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		return nil, fmt.Errorf("qr code: %w", err)
	}

	return out.Bytes(), nil
}

// drawSVG draws each run of dark modules in a row as one rectangle.
func drawSVG(code barcode.Barcode) []byte {
	var path strings.Builder

	modules := code.Bounds().Dx()

	for y := range modules {
		for x := 0; x < modules; x++ {
			start := x
			for dark(code, x, y) {
				x++
			}

			if x > start {
				fmt.Fprintf(&path, "M%d %dh%dv1H%dz", start+quietZone, y+quietZone, x-start, start+quietZone)
			}
		}
	}

	side := modules + 2*quietZone

	return fmt.Appendf(nil,
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`+
			`<path fill="#fff" d="M0 0h%dv%dH0z"/><path d="%s"/></svg>`, side, side, side, side, path.String())
}

// dark reports whether a module is dark; false outside the code.
func dark(code barcode.Barcode, x, y int) bool {
	return image.Pt(x, y).In(code.Bounds()) && code.At(x, y) == color.Black
}
