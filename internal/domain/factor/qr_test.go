package factor_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/konec/toolkit-gateway/internal/domain/factor"
)

const otpauth = "otpauth://totp/Toolkit%20Gateway:holder@konec.com.au?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Toolkit%20Gateway&algorithm=SHA1&digits=6&period=30"

// An independent reader reads the pictures, of the shortest URL and of one with the longest address.
func TestQR(t *testing.T) {
	t.Parallel()

	for name, text := range map[string]string{
		"Usual":   otpauth,
		"Longest": strings.Replace(otpauth, "holder", strings.Repeat("%2F", 240), 1),
	} {
		for format, open := range map[factor.Format]func(*testing.T, []byte) image.Image{factor.PNG: openPNG, factor.SVG: openSVG} {
			t.Run(name+strings.ToUpper(string(format)), func(t *testing.T) {
				t.Parallel()

				drawn, err := factor.QR(text, format)
				if err != nil {
					t.Fatal(err)
				}

				picture := open(t, drawn)

				bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
				if err != nil {
					t.Fatal(err)
				}

				// A drawing, not a photograph: the reader need not search for the corners.
				read, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
				if err != nil {
					t.Fatal(err)
				}

				if read.GetText() != text {
					t.Errorf("reads %q", read.GetText())
				}

				if len(drawn) > 64<<10 {
					t.Errorf("%d bytes", len(drawn))
				}
			})
		}
	}
}

func TestQRThatCannotBeIsAnError(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("secret", 1000)

	if _, err := factor.QR(long, factor.PNG); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("too long: %v", err)
	}

	if _, err := factor.QR(otpauth, "gif"); err == nil {
		t.Error("a format that there is not")
	}
}

func openPNG(t *testing.T, drawn []byte) image.Image {
	t.Helper()

	picture, err := png.Decode(bytes.NewReader(drawn))
	if err != nil {
		t.Fatal(err)
	}

	return picture
}

// openSVG draws the two paths, eight pixels per module.
func openSVG(t *testing.T, drawn []byte) image.Image {
	t.Helper()

	var svg struct {
		ViewBox string `xml:"viewBox,attr"`
		Paths   []struct {
			Fill string `xml:"fill,attr"`
			D    string `xml:"d,attr"`
		} `xml:"path"`
	}
	if err := xml.Unmarshal(drawn, &svg); err != nil || len(svg.Paths) != 2 || svg.Paths[0].Fill != "#fff" {
		t.Fatalf("%v in %s", err, drawn)
	}

	var side int
	if _, err := fmt.Sscanf(svg.ViewBox, "0 0 %d", &side); err != nil {
		t.Fatal(err)
	}

	const size = 8

	picture := image.NewGray(image.Rect(0, 0, side*size, side*size))
	for i := range picture.Pix {
		picture.Pix[i] = 255
	}

	run := regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1H(\d+)z`)
	if rest := run.ReplaceAllString(svg.Paths[1].D, ""); rest != "" {
		t.Fatalf("the path has %q", rest)
	}

	for _, match := range run.FindAllStringSubmatch(svg.Paths[1].D, -1) {
		n := make([]int, 4)
		for i := range n {
			n[i], _ = strconv.Atoi(match[i+1])
		}

		if n[3] != n[0] {
			t.Fatalf("%s is not a rectangle", match[0])
		}

		for x := n[0] * size; x < (n[0]+n[2])*size; x++ {
			for y := n[1] * size; y < (n[1]+1)*size; y++ {
				picture.SetGray(x, y, color.Gray{})
			}
		}
	}

	return picture
}
