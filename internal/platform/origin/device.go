package origin

import (
	"strings"
	"unicode/utf8"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// mark is a text that a User-Agent contains, in lower case, and what it stands for. The first one found counts.
type mark struct {
	text string
	name language.Text
}

func same(name string) language.Text { return language.Text{Chinese: name, English: name} }

// programs are our own apps and the common browsers. Most browsers name the ones that they descend from too: these come
// later.
var programs = []mark{
	{"toolkit-studio", same("Toolkit Studio")}, {"toolkitstudio", same("Toolkit Studio")}, {"toolkit studio", same("Toolkit Studio")},
	{"toolkit-desktop", same("Toolkit Desktop")}, {"toolkitdesktop", same("Toolkit Desktop")}, {"toolkit desktop", same("Toolkit Desktop")},
	{"portable-toolkit", same("Portable Toolkit")}, {"portabletoolkit", same("Portable Toolkit")}, {"portable toolkit", same("Portable Toolkit")},
	{"micromessenger/", language.Text{Chinese: "微信", English: "WeChat"}},
	{"dingtalk/", language.Text{Chinese: "钉钉", English: "DingTalk"}},
	{"lark/", language.Text{Chinese: "飞书", English: "Lark"}}, {"feishu/", language.Text{Chinese: "飞书", English: "Lark"}},
	{"huaweibrowser/", language.Text{Chinese: "华为浏览器", English: "Huawei Browser"}},
	{"miuibrowser/", language.Text{Chinese: "小米浏览器", English: "Mi Browser"}},
	{"qqbrowser/", language.Text{Chinese: "QQ 浏览器", English: "QQ Browser"}},
	{"ucbrowser/", language.Text{Chinese: "UC 浏览器", English: "UC Browser"}},
	{"samsungbrowser/", language.Text{Chinese: "三星浏览器", English: "Samsung Internet"}},
	{"edg/", same("Edge")}, {"edga/", same("Edge")}, {"edgios/", same("Edge")}, {"edge/", same("Edge")},
	{"opr/", same("Opera")},
	{"firefox/", same("Firefox")}, {"fxios/", same("Firefox")},
	{"chrome/", same("Chrome")}, {"crios/", same("Chrome")},
	{"safari/", same("Safari")},
}

// systems are the common operating systems. Android names Linux too, and iOS names Mac OS X.
var systems = []mark{
	{"harmonyos", same("HarmonyOS")}, {"iphone", same("iOS")}, {"ipad", same("iPadOS")}, {"android", same("Android")},
	{"windows", same("Windows")}, {"macintosh", same("macOS")}, {"mac os x", same("macOS")}, {"macos", same("macOS")},
	{"cros ", same("ChromeOS")}, {"linux", same("Linux")},
}

// Device returns what a User-Agent stands for: an app or a browser and a system of our lists, in our words, or that it
// is unknown. It contains nothing that the client wrote, not even a version: a mail program would make a link of it.
func Device(userAgent string, l language.Language) string {
	text := strings.ToLower(userAgent)
	program, system := firstIn(text, programs).In(l), firstIn(text, systems).In(l)

	switch {
	case program != "" && system != "" && l == language.English:
		return program + " on " + system
	case program != "" && system != "":
		if program[0] < utf8.RuneSelf {
			program = " " + program // Latin letters stand apart
		}

		return system + " 上的" + program
	case program+system != "":
		return program + system
	}

	return language.Text{Chinese: "未知设备", English: "unknown device"}.In(l)
}

func firstIn(text string, marks []mark) language.Text {
	for _, one := range marks {
		if strings.Contains(text, one.text) {
			return one.name
		}
	}

	return language.Text{}
}
