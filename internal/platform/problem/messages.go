package problem

import (
	"maps"
	"slices"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// messages says every code to people. A test holds its keys against the document's ErrorCode.
var messages = map[string]language.Text{
	"INVALID_REQUEST":            {Chinese: "请求内容不符合要求", English: "The request is not valid."},
	"INVALID_CREDENTIALS":        {Chinese: "邮箱或密码不正确", English: "Wrong e-mail address or password."},
	"UNAUTHENTICATED":            {Chinese: "请先登录", English: "Please sign in."},
	"TOKEN_INVALID":              {Chinese: "登录已失效，请重新登录", English: "Your sign-in is no longer valid. Please sign in again."},
	"XSRF_INVALID":               {Chinese: "页面已过期，请重试", English: "This page is out of date. Please try again."},
	"CROSS_SITE":                 {Chinese: "不接受来自其他站点的请求", English: "Requests from other sites are not accepted."},
	"REFRESH_TOKEN_INVALID":      {Chinese: "会话已结束，请重新登录", English: "Your session is over. Please sign in again."},
	"CODE_INVALID":               {Chinese: "验证码错误或已失效", English: "The code is wrong or no longer valid."},
	"SESSION_NOT_FOUND":          {Chinese: "没有这个会话", English: "There is no such session."},
	"TOTP_REQUIRED":              {Chinese: "请输入身份验证器的验证码", English: "Please enter the code of your authenticator app."},
	"TOTP_NOT_BOUND":             {Chinese: "尚未绑定身份验证器", English: "No authenticator app is bound."},
	"TOTP_NOT_PENDING":           {Chinese: "没有待绑定的身份验证器", English: "No authenticator app waits to be bound."},
	"REAUTH_REQUIRED":            {Chinese: "登录时间较久，请重新登录后再操作", English: "Please sign in again before you change this."},
	"PHONE_TAKEN":                {Chinese: "该手机号已绑定其他账号", English: "This number is bound to another account."},
	"EMAIL_TAKEN":                {Chinese: "该邮箱已属于其他账号", English: "This e-mail address belongs to another account."},
	"STATE_INVALID":              {Chinese: "登录流程已过期，请重新开始", English: "This sign-in has expired or was not begun here. Please begin again."},
	"LARK_REFUSED":               {Chinese: "飞书没有确认您的身份", English: "Lark did not confirm who you are."},
	"IDENTITY_NOT_BOUND":         {Chinese: "该飞书账号尚未绑定", English: "No account is bound to this identity."},
	"IDENTITY_TAKEN":             {Chinese: "该飞书账号已绑定其他账号", English: "This identity is bound to another account."},
	"LAST_WAY_IN":                {Chinese: "这是最后一种登录方式，不能取消", English: "This is the last way to sign in to your account."},
	"NOT_CONFIGURED":             {Chinese: "服务器未配置该项", English: "This server is not configured for that."},
	"PASSWORD_REFUSED":           {Chinese: "密码不符合要求", English: "This password cannot be used."},
	"EMAIL_NOT_ALLOWED":          {Chinese: "该邮箱不在允许注册的范围内", English: "This e-mail address may not register here."},
	"RIGHT_MISSING":              {Chinese: "您没有所需的权限", English: "You do not have the right that this needs."},
	"ACCOUNT_NOT_FOUND":          {Chinese: "没有这个账号", English: "There is no such account."},
	"GROUP_NOT_FOUND":            {Chinese: "没有这个成员组", English: "There is no such member group."},
	"VERSION_CONFLICT":           {Chinese: "内容已被他人修改，请刷新后再试", English: "It was changed meanwhile. Please look at it again."},
	"LAST_ADMINISTRATOR":         {Chinese: "这是最后一位管理员，不能移除、停用或降级", English: "No administrator would be left."},
	"GROUP_TAKEN":                {Chinese: "该成员组名称已被使用", English: "There is a member group of this name already."},
	"GROUP_IN_USE":               {Chinese: "该成员组仍有成员，或为默认组，不能删除", English: "The group has members, or is the one of new accounts."},
	"WEBHOOK_NOT_FOUND":          {Chinese: "没有这个 Webhook", English: "There is no such webhook."},
	"WEBHOOK_DELIVERY_NOT_FOUND": {Chinese: "该 Webhook 的投递记录中没有这个事件", English: "The delivery log of this webhook does not have this event."},
	"WEBHOOK_LIMIT":              {Chinese: "Webhook 数量已达上限", English: "There are as many webhooks as there may be."},
	"WEBHOOK_DISABLED":           {Chinese: "该 Webhook 已停用", English: "This webhook is disabled."},
	"IDEMPOTENCY_KEY_REUSED":     {Chinese: "该幂等键已用于其他请求", English: "This Idempotency-Key was used for another request."},
	"NOT_FOUND":                  {Chinese: "没有这个接口", English: "There is nothing at this path."},
	"METHOD_NOT_ALLOWED":         {Chinese: "该接口不支持这个请求方法", English: "This path does not have this method."},
	"NOT_ACCEPTABLE":             {Chinese: "只能返回 application/json", English: "The answer can only be application/json."},
	"BODY_TOO_LARGE":             {Chinese: "请求内容超过 64 KiB", English: "The body is larger than 64 KiB."},
	"UNSUPPORTED_MEDIA_TYPE":     {Chinese: "不支持这种请求内容类型", English: "This content type is not supported here."},
	"TOO_MANY_REQUESTS":          {Chinese: "操作太频繁，请稍后再试", English: "Too many requests. Please try again later."},
	"INTERNAL":                   {Chinese: "服务器内部错误", English: "Something went wrong on our side."},
	"UNAVAILABLE":                {Chinese: "服务暂时不可用，请稍后再试", English: "The service is not available just now. Please try again shortly."},
}

// Codes lists every code there is, sorted.
func Codes() []string { return slices.Sorted(maps.Keys(messages)) }
