// Package geotest writes location files in the form of GeoLite2-City. Only tests import it.
package geotest

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Place is a network and its location. An empty name is left out.
type Place struct {
	Network       string
	Country, City Name
}

// Name is a name in two languages.
type Name struct{ English, Chinese string }

// Some returns two IPv4 networks and an IPv6 network. The second has a country only, and the third has no Chinese name
// of its city.
func Some() []Place {
	return []Place{
		{Network: "203.0.113.0/24", Country: Name{"Australia", "澳大利亚"}, City: Name{"Sydney", "悉尼"}},
		{Network: "198.51.100.0/25", Country: Name{"China", "中国"}},
		{Network: "2001:db8:5::/48", Country: Name{"Germany", "德国"}, City: Name{English: "Berlin"}},
	}
}

// File returns a location file of the places.
func File(tb testing.TB, places ...Place) []byte {
	tb.Helper()

	records := make(map[string]mmdbtype.Map, len(places))
	for _, one := range places {
		records[one.Network] = mmdbtype.Map{"country": one.Country.record(), "city": one.City.record()}
	}

	return FileOf(tb, "GeoLite2-City", records)
}

// FileOf returns a location file of any records, by network.
func FileOf(tb testing.TB, kind string, records map[string]mmdbtype.Map) []byte {
	tb.Helper()

	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: kind, Languages: []string{"en", "zh-CN"},
		IncludeReservedNetworks: true, // the networks for documentation are reserved
	})
	if err != nil {
		tb.Fatal(err)
	}

	for network, record := range records {
		_, parsed, err := net.ParseCIDR(network)
		if err != nil {
			tb.Fatal(err)
		}

		if err := tree.Insert(parsed, record); err != nil {
			tb.Fatal(err)
		}
	}

	var file bytes.Buffer
	if _, err := tree.WriteTo(&file); err != nil {
		tb.Fatal(err)
	}

	return file.Bytes()
}

// Replace replaces the file at the path as an updater does: atomically, by another file.
func Replace(tb testing.TB, path string, file []byte) {
	tb.Helper()

	next := filepath.Join(filepath.Dir(path), "next")
	if err := os.WriteFile(next, file, 0o600); err != nil {
		tb.Fatal(err)
	}

	if err := os.Rename(next, path); err != nil {
		tb.Fatal(err)
	}
}

func (n Name) record() mmdbtype.Map {
	names := mmdbtype.Map{}
	if n.English != "" {
		names["en"] = mmdbtype.String(n.English)
	}

	if n.Chinese != "" {
		names["zh-CN"] = mmdbtype.String(n.Chinese)
	}

	return mmdbtype.Map{"names": names, "geoname_id": mmdbtype.Uint32(1)}
}
