package delivery

import (
	"strings"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

type words struct {
	subject language.Text
	before  []language.Text
	link    language.Text // what is said of a page that does in place of the code
	after   []language.Text
}

// factorNames are what people call the ways to sign in.
var factorNames = map[string]language.Text{
	"password": {Chinese: "密码", English: "password"},
	"phone":    {Chinese: "手机号", English: "phone number"},
	"totp":     {Chinese: "身份验证器", English: "authenticator app"},
	"lark":     {Chinese: "飞书账号", English: "Lark identity"},
}

// wording says every kind in both languages. {device}, {factor} and {time} are filled in. A subject is fixed
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
	ResetCode: {
		subject: language.Text{Chinese: "您的密码重置验证码", English: "Your code to reset the password"},
		before: []language.Text{{
			Chinese: "您正在重置 Toolkit 账号的密码，验证码是：",
			English: "You are resetting the password of your Toolkit account. Your code is:",
		}},
		after: []language.Text{{
			Chinese: "验证码十分钟内有效，请勿告诉任何人。",
			English: "It is valid for ten minutes. Do not share it with anybody.",
		}, {
			Chinese: "如果不是您本人操作，请忽略这封邮件，您的密码没有任何变化。",
			English: "If this was not you, ignore this mail: your password has not changed.",
		}},
	},
	PasswordChanged: {
		subject: language.Text{Chinese: "您的密码已修改", English: "Your password was changed"},
		before: []language.Text{{
			Chinese: "您的 Toolkit 账号的密码已修改（设备：{device}，时间：{time}），其他登录会话已全部结束。",
			English: "The password of your Toolkit account was changed (device: {device}, time: {time}). All other sessions were ended.",
		}},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请立即重置密码。",
			English: "If this was not you, reset your password at once.",
		}},
	},
	EmailCode: {
		subject: language.Text{Chinese: "您的邮箱验证码", English: "Your code for a new e-mail address"},
		before: []language.Text{{
			Chinese: "您正在把这个地址设为 Toolkit 账号的邮箱，验证码是：",
			English: "You are making this the e-mail address of your Toolkit account. Your code is:",
		}},
		link: language.Text{
			Chinese: "或者打开这个页面，按下页面上的按钮：",
			English: "Or open this page and press its button:",
		},
		after: []language.Text{{
			Chinese: "验证码和链接十分钟内有效，请勿告诉任何人。",
			English: "Both are valid for ten minutes. Do not share them with anybody.",
		}, {
			Chinese: "如果不是您本人操作，请忽略这封邮件。",
			English: "If this was not you, ignore this mail.",
		}},
	},
	EmailChanged: {
		subject: language.Text{Chinese: "您的账号邮箱已修改", English: "The e-mail address of your account was changed"},
		before: []language.Text{{
			Chinese: "您的 Toolkit 账号的邮箱已修改，这个地址不再用于登录（设备：{device}，时间：{time}）。",
			English: "The e-mail address of your Toolkit account was changed; this one no longer signs in (device: {device}, time: {time}).",
		}},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请立即重置密码，并联系管理员。",
			English: "If this was not you, reset your password at once, and write to an administrator.",
		}},
	},
	PhoneChanged: {
		subject: language.Text{Chinese: "您的账号手机已变更", English: "The phone of your account was changed"},
		before: []language.Text{{
			Chinese: "您的 Toolkit 账号绑定的手机已变更（设备：{device}，时间：{time}）。",
			English: "The phone of your Toolkit account was bound, replaced or removed (device: {device}, time: {time}).",
		}},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请立即重置密码，并联系管理员。",
			English: "If this was not you, reset your password at once, and write to an administrator.",
		}},
	},
	TOTPChanged: {
		subject: language.Text{Chinese: "您的身份验证器已变更", English: "Your authenticator app was changed"},
		before: []language.Text{{
			Chinese: "您的 Toolkit 账号的身份验证器或恢复码已变更（设备：{device}，时间：{time}）。",
			English: "The authenticator app or the recovery codes of your Toolkit account were changed (device: {device}, time: {time}).",
		}},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请立即重置密码，并联系管理员。",
			English: "If this was not you, reset your password at once, and write to an administrator.",
		}},
	},
	Invitation: {
		subject: language.Text{Chinese: "您的 Toolkit 账号已建立", English: "Your Toolkit account"},
		before: []language.Text{{
			Chinese: "管理员为这个邮箱地址建立了 Toolkit 账号。",
			English: "An administrator has made a Toolkit account for this address.",
		}, {
			Chinese: "请打开 Toolkit，选择“忘记密码”，用发到这个邮箱的验证码设置密码，然后登录。",
			English: "Please open Toolkit and choose to reset the password: set one with the code that comes to this address, and sign in.",
		}},
		after: []language.Text{{
			Chinese: "如果您不需要这个账号，请忽略这封邮件。",
			English: "If you do not want this account, ignore this mail.",
		}},
	},
	FactorReset: {
		subject: language.Text{Chinese: "您的登录方式已被重置", English: "A way to sign in was reset"},
		before: []language.Text{{
			Chinese: "管理员于 {time} 移除了您 Toolkit 账号的{factor}。",
			English: "An administrator removed the {factor} of your Toolkit account at {time}.",
		}},
		after: []language.Text{{
			Chinese: "您可以重新设置。忘记密码时，请用邮箱验证码重置。",
			English: "You can set a new one. A password is reset with a code that comes to this address.",
		}, {
			Chinese: "如果您没有请求过，请联系管理员。",
			English: "If you did not ask for this, please tell an administrator.",
		}},
	},
	LarkChanged: {
		subject: language.Text{Chinese: "您的账号绑定的飞书已变更", English: "The Lark identity of your account was changed"},
		before: []language.Text{{
			Chinese: "您的 Toolkit 账号绑定的飞书身份已变更（设备：{device}，时间：{time}）。",
			English: "The Lark identity of your Toolkit account was bound, replaced or removed (device: {device}, time: {time}).",
		}},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请立即重置密码，并联系管理员。",
			English: "If this was not you, reset your password at once, and write to an administrator.",
		}},
	},
	// Without a device: that of a stranger is a text of theirs.
	TOTPStopped: {
		subject: language.Text{Chinese: "您的身份验证器已停用", English: "Your authenticator app was stopped"},
		before: []language.Text{{
			Chinese: "有人连续一百次输错您的 Toolkit 账号的身份验证器验证码（时间：{time}）。为安全起见，它的验证码不再有效。",
			English: "Somebody entered a hundred wrong codes of your Toolkit account's authenticator app in a row (time: {time}). To be safe, its codes are no longer taken.",
		}},
		after: []language.Text{{
			Chinese: "使用一次恢复码，或者登录后重新绑定，即可恢复。两者都不行时，请联系管理员。",
			English: "A recovery code makes it work again, and so does binding it anew when you are signed in. If you can do neither, write to an administrator.",
		}},
	},
	NewDevice: {
		subject: language.Text{Chinese: "您的账号在新设备上登录", English: "A new device signed in to your account"},
		before: []language.Text{{
			Chinese: "有一台新设备登录了您的 Toolkit 账号（设备：{device}，地址：{address}，时间：{time}）。",
			English: "A new device signed in to your Toolkit account (device: {device}, address: {address}, time: {time}).",
		}},
		after: []language.Text{{
			Chinese: "如果是您本人，不需要做任何事。如果不是，请立即重置密码，这会结束全部会话。",
			English: "If this was you, there is nothing to do. If not, reset your password at once: that ends every session.",
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

// smsWords are a title, which only the development inbox shows, and the one line that is sent.
type smsWords struct {
	title language.Text
	text  language.Text
}

// smsWording says the kinds that go by SMS, each in one segment: 70 characters in Chinese, 160 in
// English, of which every one is in the alphabet of GSM 03.38. The code comes early, so that it is seen
// without opening the message.
var smsWording = map[Kind]smsWords{
	SignInCode: {
		title: language.Text{Chinese: "登录验证码", English: "Sign-in code"},
		text: language.Text{
			Chinese: "验证码 {code}，用于登录 Toolkit，{minutes} 分钟内有效，请勿告诉任何人。",
			English: "{code} is your code to sign in to Toolkit. It is valid for {minutes} minutes. Do not share it with anybody.",
		},
	},
	PhoneCode: {
		title: language.Text{Chinese: "绑定手机验证码", English: "Code for your phone"},
		text: language.Text{
			Chinese: "验证码 {code}，用于把此手机号绑定到 Toolkit 账号，{minutes} 分钟内有效，请勿告诉任何人。",
			English: "{code} is the code to add this phone to a Toolkit account. It is valid for {minutes} minutes. Do not share it with anybody.",
		},
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
