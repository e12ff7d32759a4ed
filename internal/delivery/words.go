package delivery

import (
	"strings"

	"github.com/konec/toolkit-gateway/internal/language"
)

type words struct {
	subject language.Text
	before  []language.Text
	after   []language.Text
}

// wording says every kind in both languages. {device} and {time} are filled in. A subject is fixed
// text: nothing that anybody typed reaches a header.
var wording = map[Kind]words{
	RegistrationCode: {
		subject: language.Text{Chinese: "您的注册验证码", English: "Your registration code"},
		before: []language.Text{{
			Chinese: "您正在注册 Toolkit 账号，验证码是：",
			English: "You are registering a Toolkit account. Your code is:",
		}},
		after: []language.Text{{
			Chinese: "验证码十分钟内有效，请勿告诉任何人。",
			English: "It is valid for ten minutes. Do not share it with anybody.",
		}, {
			Chinese: "如果不是您本人操作，请忽略这封邮件，不会有账号被创建。",
			English: "If this was not you, ignore this mail: no account will be created.",
		}},
	},
	RegistrationTaken: {
		subject: language.Text{Chinese: "您已经有 Toolkit 账号", English: "You already have a Toolkit account"},
		before: []language.Text{{
			Chinese: "有人用这个邮箱地址申请注册 Toolkit 账号，但它已经属于您的账号。",
			English: "Somebody asked to register a Toolkit account with this address, which belongs to your account already.",
		}, {
			Chinese: "如果是您本人，请直接登录；忘记密码时请重置密码。",
			English: "If that was you, simply sign in, or reset your password if you have forgotten it.",
		}},
		after: []language.Text{{
			Chinese: "如果不是您本人，请忽略这封邮件，您的账号没有任何变化。",
			English: "If it was not, ignore this mail: nothing about your account has changed.",
		}},
	},
	SessionEnded: {
		subject: language.Text{Chinese: "您的一个登录会话已被结束", English: "One of your sessions was ended"},
		before: []language.Text{{
			Chinese: "有人使用了您账号的一个旧登录凭证（设备：{device}，时间：{time}）。为安全起见，我们结束了该会话。",
			English: "An old sign-in credential of your account was used (device: {device}, time: {time}). To be safe, we ended that session.",
		}},
		after: []language.Text{{
			Chinese: "请在您的设备上重新登录。如果您不认识上面的设备，也没有从备份恢复过应用，请尽快修改密码。",
			English: "Sign in again on your device. If you do not know the one above, and did not restore the app from a backup, change your password soon.",
		}},
	},
}

var footer = language.Text{
	Chinese: "此邮件由系统自动发送，请勿回复。",
	English: "This mail was sent automatically. Please do not reply.",
}

func fill(paragraphs []language.Text, l language.Language, values map[string]string) []string {
	filled := make([]string, len(paragraphs))

	for i, paragraph := range paragraphs {
		text := paragraph.In(l)
		for name, value := range values {
			text = strings.ReplaceAll(text, name, value)
		}

		filled[i] = text
	}

	return filled
}
