package config_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
)

// The page for operators lists the settings exactly as the struct does.
func TestOperatePageListsEverySetting(t *testing.T) {
	t.Parallel()

	page, err := os.ReadFile("../../../docs/operate.md")
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

	// What follows the table is empty: a row that the struct lacks would be another setting.
	if !strings.HasSuffix(string(page), "\n"+table.String()) {
		t.Errorf("docs/operate.md must end with this table of settings:\n%s", table.String())
	}
}
