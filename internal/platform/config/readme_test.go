package config_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
)

// The README lists the settings exactly as the struct does.
func TestReadmeListsEverySetting(t *testing.T) {
	t.Parallel()

	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}

	var table strings.Builder

	table.WriteString("| setting | default | what it means |\n|---|---|---|\n")

	for _, setting := range (config.Config{}).Settings() {
		def := ""
		if setting.Default != "" {
			def = "`" + setting.Default + "`"
		}

		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", setting.Name, def, setting.Help)
	}

	if !strings.Contains(string(readme), table.String()) {
		t.Errorf("README.md: the table of settings must be:\n%s", table.String())
	}
}

// The map in the README lists every package.
func TestReadmeListsEveryPackage(t *testing.T) {
	t.Parallel()

	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}

	packages, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}

	_, rest, _ := strings.Cut(string(readme), "## The map")
	drawn, _, _ := strings.Cut(rest, "\n## ")

	for _, one := range packages {
		if name := one.Name(); one.IsDir() && !strings.Contains(drawn, "`"+name+"`") && !strings.Contains(drawn, "`internal/"+name+"`") {
			t.Errorf("README.md: the map does not list internal/%s", name)
		}
	}
}
