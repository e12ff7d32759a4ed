package config

import (
	"slices"
	"strings"
	"testing"
)

// T-30: every error about sign-in with Lark names the setting and shows no value.
func TestLark(t *testing.T) {
	t.Parallel()

	const canary = "CaNaRy"

	app := func(more ...string) map[string]string {
		given := map[string]string{"LARK_APP_ID": "cli_1", "LARK_APP_SECRET": canary}
		for i := 0; i < len(more); i += 2 {
			given[more[i]] = more[i+1]
		}

		return given
	}

	for name, c := range map[string]struct {
		given map[string]string
		named string // empty: it is fine
	}{
		"Nothing":         {map[string]string{}, ""},
		"App":             {app(), ""},
		"Elsewhere":       {app("LARK_URL", "https://open.larksuite.com/", "LARK_AUTHORIZE_URL", "https://accounts.larksuite.com/authorize"), ""},
		"PlainDevelop":    {app("MODE", Development, "LARK_URL", "http://127.0.0.1:9"), ""},
		"Console":         {map[string]string{"CONSOLE_URL": "https://console.test/app/"}, ""},
		"SecretAlone":     {map[string]string{"LARK_APP_SECRET": canary}, "LARK_APP_ID"},
		"IDAlone":         {map[string]string{"LARK_APP_ID": canary}, "LARK_APP_SECRET"},
		"OddID":           {app("LARK_APP_ID", "cli "+canary), "LARK_APP_ID"},
		"Plain":           {app("LARK_URL", "http://open.feishu.cn/"+canary), "LARK_URL"},
		"PlainPage":       {app("LARK_AUTHORIZE_URL", "http://accounts.feishu.cn/"+canary), "LARK_AUTHORIZE_URL"},
		"PageWithQuery":   {app("LARK_AUTHORIZE_URL", "https://accounts.feishu.cn/?x="+canary), "LARK_AUTHORIZE_URL"},
		"User":            {app("LARK_URL", "https://u:"+canary+"@open.feishu.cn"), "LARK_URL"},
		"ConsoleNoScheme": {map[string]string{"CONSOLE_URL": canary}, "CONSOLE_URL"},
		"ConsoleScript":   {map[string]string{"CONSOLE_URL": "javascript:" + canary}, "CONSOLE_URL"},
		"ConsoleQuery":    {map[string]string{"CONSOLE_URL": "https://console.test/?" + canary}, "CONSOLE_URL"},
		"ConsoleFragment": {map[string]string{"CONSOLE_URL": "https://console.test/#" + canary}, "CONSOLE_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			read, err := Load(complete(c.given))
			if (err == nil) != (c.named == "") {
				t.Fatalf("got %v", err)
			}

			if err != nil && (!strings.Contains(err.Error(), c.named) || strings.Contains(err.Error(), canary)) {
				t.Errorf("%v", err)
			}

			if slices.ContainsFunc(read.Settings(), func(s Setting) bool { return s.Secret && strings.Contains(s.Value, canary) }) {
				t.Error("the secret is shown")
			}
		})
	}

	c, err := Load(complete(map[string]string{"PUBLIC_URL": "https://gw.test/", "LARK_URL": "https://open.larksuite.com/"}))
	if err != nil || c.ConsoleURL != "https://gw.test" || c.LarkURL != "https://open.larksuite.com" {
		t.Errorf("console %q, Lark %q, %v", c.ConsoleURL, c.LarkURL, err)
	}
}
