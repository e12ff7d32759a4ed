package delivery

import (
	"strings"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

type words struct {
	subject language.Text
	before  []language.Text
	link    language.Text // introduces a page that can be used instead of the code
	after   []language.Text
}

// factorNames are the names of the ways to sign in.
var factorNames = map[string]language.Text{
	"password": {Chinese: "密码", English: "password"},
	"phone":    {Chinese: "手机号", English: "phone number"},
	"totp":     {Chinese: "身份验证器", English: "authenticator app"},
	"lark":     {Chinese: "飞书账号", English: "Lark account"},
}

// wording has every kind in both languages. {device}, {address}, {factor} and {time} are placeholders. A subject is
// fixed text: no input reaches a header.
var wording = map[Kind]words{
	RegistrationCode: {
		subject: language.Text{Chinese: "您的注册验证码", English: "Your registration code"},
		before: []language.Text{{
			Chinese: "您正在注册 Toolkit 账号，验证码是：",
			English: "You are registering a Toolkit account. Your code is:",
		}},
		link: language.Text{
			Chinese: "您也可以打开以下页面，填写用户名和密码完成注册：",
			English: "Or open this page and complete the registration with a name and a password:",
		},
		after: []language.Text{{
			Chinese: "验证码和链接 10 分钟内有效，请勿告诉任何人。",
			English: "The code and the link are valid for 10 minutes. Do not share them with anyone.",
		}, {
			Chinese: "如果不是您本人操作，请忽略这封邮件，系统不会创建账号。",
			English: "If this was not you, ignore this mail. No account will be created.",
		}},
	},
	RegistrationTaken: {
		subject: language.Text{Chinese: "您已经有 Toolkit 账号", English: "You already have a Toolkit account"},
		before: []language.Text{{
			Chinese: "有人用此邮箱注册 Toolkit 账号，但它已是您账号的邮箱。",
			English: "Someone tried to register a Toolkit account with this e-mail address, which already belongs to your account.",
		}, {
			Chinese: "如果是您本人操作，请直接登录；如果忘记了密码，请重置密码。",
			English: "If this was you, sign in, or reset your password if you have forgotten it.",
		}},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请忽略这封邮件，您的账号没有任何变化。",
			English: "If this was not you, ignore this mail. Your account has not changed.",
		}},
	},
	AccountDisabled: {
		subject: language.Text{Chinese: "您的 Toolkit 账号已被停用", English: "Your Toolkit account is disabled"},
		before: []language.Text{{
			Chinese: "有人用此邮箱注册 Toolkit 账号、登录或重置密码，但此邮箱的账号已被管理员停用，无法登录。",
			English: "Someone asked to register or sign in with this e-mail address, or to reset its password. Its Toolkit account is disabled: an administrator did that, and no one can sign in.",
		}, {
			Chinese: "如果是您本人操作，请联系管理员恢复账号。",
			English: "If this was you, ask an administrator to enable the account.",
		}},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请忽略这封邮件，您的账号没有任何变化。",
			English: "If this was not you, ignore this mail. Your account has not changed.",
		}},
	},
	AccountDeleted: {
		subject: language.Text{Chinese: "您的 Toolkit 账号已被删除", English: "Your Toolkit account was deleted"},
		before: []language.Text{{
			Chinese: "有人用此邮箱注册 Toolkit 账号、登录或重置密码，但此邮箱的账号已被删除，无法登录。",
			English: "Someone asked to register or sign in with this e-mail address, or to reset its password. Its Toolkit account was deleted, and no one can sign in.",
		}, {
			Chinese: "在 {time} 之前，您可以用删除账号时收到的邮件中的链接恢复，也可以请管理员恢复；之后账号会被彻底清除，您可以重新注册。",
			English: "Until {time} the link in the mail about the deletion brings the account back, or an administrator does: ask one if you want it back. After that it is erased, and you can register again.",
		}},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请忽略这封邮件。",
			English: "If this was not you, ignore this mail.",
		}},
	},
	ResetCode: {
		subject: language.Text{Chinese: "您的重置密码验证码", English: "Your password reset code"},
		before: []language.Text{{
			Chinese: "您正在重置 Toolkit 账号的密码，验证码是：",
			English: "You are resetting the password of your Toolkit account. Your code is:",
		}},
		link: language.Text{
			Chinese: "您也可以打开以下页面，设置新密码：",
			English: "Or open this page and set a new password:",
		},
		after: []language.Text{{
			Chinese: "验证码和链接 10 分钟内有效，请勿告诉任何人。",
			English: "The code and the link are valid for 10 minutes. Do not share them with anyone.",
		}, {
			Chinese: "如果不是您本人操作，请忽略这封邮件，您的密码没有任何变化。",
			English: "If this was not you, ignore this mail. Your password has not changed.",
		}},
	},
	SignInMailCode: {
		subject: language.Text{Chinese: "您的登录验证码", English: "Your sign-in code"},
		before: []language.Text{{
			Chinese: "您正在登录 Toolkit，验证码是：",
			English: "You are signing in to Toolkit. Your code is:",
		}},
		after: []language.Text{{
			Chinese: "验证码 10 分钟内有效，请勿告诉任何人。",
			English: "The code is valid for 10 minutes. Do not share it with anyone.",
		}, {
			Chinese: "如果不是您本人操作，请忽略这封邮件：没有验证码就无法登录。",
			English: "If this was not you, ignore this mail: no one can sign in without the code.",
		}},
	},
	PasswordChanged: {
		subject: language.Text{Chinese: "您的密码已修改", English: "Your password was changed"},
		before: []language.Text{{
			Chinese: "您的 Toolkit 账号密码已修改（设备：{device}，时间：{time}），其他登录会话已全部结束。",
			English: "The password of your Toolkit account was changed (device: {device}, time: {time}). All other sessions have ended.",
		}},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请立即重置密码。",
			English: "If this was not you, reset your password immediately.",
		}},
	},
	AccountLeft: {
		subject: language.Text{Chinese: "您的 Toolkit 账号已删除", English: "Your Toolkit account was deleted"},
		before: []language.Text{{
			Chinese: "您的 Toolkit 账号已按您的要求删除（设备：{device}），所有会话都已结束。账号将保留到 {time}，之后会被彻底清除。",
			English: "Your Toolkit account was deleted as you asked (device: {device}), and all sessions have ended. It is kept until {time}, and then erased.",
		}},
		link: language.Text{
			Chinese: "如果您改变主意，或者不是您本人操作，请在此之前打开以下页面，点击按钮恢复账号：",
			English: "If you change your mind, or if this was not you, open this page before that and press the button to bring the account back:",
		},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，恢复账号后请立即重置密码。",
			English: "If this was not you, reset your password immediately after you have brought the account back.",
		}},
	},
	EmailCode: {
		subject: language.Text{Chinese: "您的邮箱验证码", English: "Your e-mail change code"},
		before: []language.Text{{
			Chinese: "您正在将 Toolkit 账号的邮箱改为此邮箱，验证码是：",
			English: "You are changing the e-mail address of your Toolkit account to this one. Your code is:",
		}},
		link: language.Text{
			Chinese: "您也可以打开以下页面，点击页面上的按钮：",
			English: "Or open this page and press the button:",
		},
		after: []language.Text{{
			Chinese: "验证码和链接 10 分钟内有效，请勿告诉任何人。",
			English: "The code and the link are valid for 10 minutes. Do not share them with anyone.",
		}, {
			Chinese: "如果不是您本人操作，请忽略这封邮件。",
			English: "If this was not you, ignore this mail.",
		}},
	},
	EmailChanged: {
		subject: language.Text{Chinese: "您的账号邮箱已修改", English: "The e-mail address of your account was changed"},
		before: []language.Text{{
			Chinese: "您的 Toolkit 账号邮箱已修改，此邮箱不能再用于登录（设备：{device}，时间：{time}）。",
			English: "The e-mail address of your Toolkit account was changed. You can no longer sign in with this one (device: {device}, time: {time}).",
		}},
		link: language.Text{
			Chinese: "如果不是您本人操作，请在七天内打开以下页面，点击按钮撤销：",
			English: "If this was not you, open this page within seven days and press the button to undo it:",
		},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请立即重置密码，并联系管理员。",
			English: "If this was not you, reset your password immediately and contact an administrator.",
		}},
	},
	PhoneChanged: {
		subject: language.Text{Chinese: "您绑定的手机号已更改", English: "The phone number of your account was changed"},
		before: []language.Text{{
			Chinese: "您的 Toolkit 账号绑定、更换或解绑了手机号（设备：{device}，时间：{time}）。",
			English: "The phone number of your Toolkit account was bound, replaced or removed (device: {device}, time: {time}).",
		}},
		link: language.Text{
			Chinese: "如果不是您本人操作，请在七天内打开以下页面，点击按钮撤销：",
			English: "If this was not you, open this page within seven days and press the button to undo it:",
		},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请立即重置密码，并联系管理员。",
			English: "If this was not you, reset your password immediately and contact an administrator.",
		}},
	},
	TOTPChanged: {
		subject: language.Text{Chinese: "您的两步验证已更改", English: "Your second factor was changed"},
		before: []language.Text{{
			Chinese: "您的 Toolkit 账号的身份验证器、恢复码或两步验证设置已更改（设备：{device}，时间：{time}）。",
			English: "The authenticator app, the recovery codes, or whether sign-ins to your Toolkit account ask for two factors, was changed (device: {device}, time: {time}).",
		}},
		link: language.Text{
			Chinese: "如果不是您本人操作，请在七天内打开以下页面，点击按钮撤销：",
			English: "If this was not you, open this page within seven days and press the button to undo it:",
		},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请立即重置密码，并联系管理员。",
			English: "If this was not you, reset your password immediately and contact an administrator.",
		}},
	},
	Invitation: {
		subject: language.Text{Chinese: "您的 Toolkit 账号已创建", English: "Your Toolkit account was created"},
		before: []language.Text{{
			Chinese: "管理员用此邮箱为您创建了 Toolkit 账号。",
			English: "An administrator has created a Toolkit account for this e-mail address.",
		}, {
			Chinese: "请打开 Toolkit，选择“忘记密码”，用发送到此邮箱的验证码设置密码，然后登录。",
			English: "Open Toolkit and choose to reset the password. Set one with the code sent to this address, then sign in.",
		}},
		after: []language.Text{{
			Chinese: "如果您不需要这个账号，请忽略这封邮件。",
			English: "If you do not want this account, ignore this mail.",
		}},
	},
	FactorReset: {
		subject: language.Text{Chinese: "您的登录方式已被重置", English: "A way to sign in was reset"},
		before: []language.Text{{
			Chinese: "管理员于 {time} 移除了您的 Toolkit 账号的{factor}。",
			English: "An administrator removed the {factor} of your Toolkit account at {time}.",
		}},
		after: []language.Text{{
			Chinese: "您可以重新设置。如果移除的是密码，请用发送到此邮箱的验证码设置新密码。",
			English: "You can set a new one. If it was the password, set it with a code sent to this address.",
		}, {
			Chinese: "如果您没有要求重置，请联系管理员。",
			English: "If you did not ask for this, contact an administrator.",
		}},
	},
	LarkChanged: {
		subject: language.Text{Chinese: "您绑定的飞书账号已更改", English: "The Lark account of your account was changed"},
		before: []language.Text{{
			Chinese: "您的 Toolkit 账号绑定、更换或解绑了飞书账号（设备：{device}，时间：{time}）。",
			English: "The Lark account of your Toolkit account was bound, replaced or removed (device: {device}, time: {time}).",
		}},
		link: language.Text{
			Chinese: "如果不是您本人操作，请在七天内打开以下页面，点击按钮撤销：",
			English: "If this was not you, open this page within seven days and press the button to undo it:",
		},
		after: []language.Text{{
			Chinese: "如果不是您本人操作，请立即重置密码，并联系管理员。",
			English: "If this was not you, reset your password immediately and contact an administrator.",
		}},
	},
	// Without a device: it would be the attacker's.
	TOTPStopped: {
		subject: language.Text{Chinese: "已暂停仅用验证码登录", English: "Sign-in with a code alone was stopped"},
		before: []language.Text{{
			Chinese: "有人连续 100 次输错您的 Toolkit 账号的身份验证器验证码（时间：{time}）。为安全起见，暂时不能只用验证码登录。",
			English: "Someone entered 100 wrong authenticator codes for your Toolkit account in a row (time: {time}). For your security, a code alone no longer signs in.",
		}},
		after: []language.Text{{
			Chinese: "用密码等其他方式登录一次，即可恢复。作为第二步的验证码不受影响。",
			English: "It works again once you have signed in another way, for example with your password. Codes that you enter beside your password are not affected.",
		}},
	},
	NewDevice: {
		subject: language.Text{Chinese: "您的账号在新设备上登录", English: "A new device signed in to your account"},
		before: []language.Text{{
			Chinese: "有一台新设备登录了您的 Toolkit 账号（设备：{device}，地址：{address}，时间：{time}）。",
			English: "A new device signed in to your Toolkit account (device: {device}, address: {address}, time: {time}).",
		}},
		after: []language.Text{{
			Chinese: "如果是您本人操作，无需处理。如果不是，请立即重置密码，重置会结束全部会话。",
			English: "If this was you, there is nothing to do. If not, reset your password immediately: that ends all sessions.",
		}},
	},
	SessionEnded: {
		subject: language.Text{Chinese: "您的一个登录会话已被结束", English: "One of your sessions was ended"},
		before: []language.Text{{
			Chinese: "有人使用了您账号的一个旧登录凭证（设备：{device}，时间：{time}）。为安全起见，我们结束了该会话。",
			English: "An old sign-in credential of your account was used (device: {device}, time: {time}). For your security, we ended that session.",
		}},
		after: []language.Text{{
			Chinese: "请在您的设备上重新登录。如果您不认识上面的设备，也没有从备份恢复过应用，请尽快修改密码。",
			English: "Sign in again on your device. If you do not recognise the device above, and did not restore the app from a backup, change your password soon.",
		}},
	},
}

// smsWords are a title, which only the development inbox shows, and the one line that is sent.
type smsWords struct {
	title language.Text
	text  language.Text
}

// smsWording has the kinds that are sent by SMS, each in one segment: 70 characters in Chinese, 160 in English, all of
// them in the alphabet of GSM 03.38. The code comes early, so that a user can read it without opening the message.
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

var button = language.Text{Chinese: "打开页面", English: "Open the page"}

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
