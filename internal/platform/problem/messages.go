package problem

import (
	"maps"
	"slices"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// messages explains every code to people. A test compares its keys with the document's ErrorCode.
var messages = map[string]language.Text{
	"INVALID_REQUEST":            {Chinese: "请求内容不符合要求", English: "The request is not valid."},
	"INVALID_CREDENTIALS":        {Chinese: "邮箱或密码不正确", English: "Wrong e-mail address or password."},
	"UNAUTHENTICATED":            {Chinese: "请先登录", English: "Please sign in."},
	"TOKEN_INVALID":              {Chinese: "登录已失效，请重新登录", English: "Your sign-in is no longer valid. Please sign in again."},
	"XSRF_INVALID":               {Chinese: "页面已过期，请重试", English: "This page is out of date. Please try again."},
	"CROSS_SITE":                 {Chinese: "不接受来自其他站点的请求", English: "Requests from other sites are not accepted."},
	"UPGRADE_REQUIRED":           {Chinese: "当前版本已停止支持，请更新应用", English: "This version of the app is no longer supported. Please update it."},
	"REFRESH_TOKEN_INVALID":      {Chinese: "会话已结束，请重新登录", English: "Your session has ended. Please sign in again."},
	"CODE_INVALID":               {Chinese: "验证码错误或已失效", English: "The code is wrong or no longer valid."},
	"SESSION_NOT_FOUND":          {Chinese: "没有这个会话", English: "Session not found."},
	"DEVICE_NOT_FOUND":           {Chinese: "没有这个设备", English: "Device not found."},
	"TOTP_REQUIRED":              {Chinese: "请输入身份验证器的验证码", English: "Please enter the code from your authenticator app."},
	"TOTP_NOT_BOUND":             {Chinese: "尚未绑定身份验证器", English: "No authenticator app is bound."},
	"TOTP_NOT_PENDING":           {Chinese: "没有待绑定的身份验证器，请重新开始绑定", English: "No authenticator app is being set up. Please start again."},
	"REAUTH_REQUIRED":            {Chinese: "请先重新验证身份，再进行此操作", English: "Please confirm that it is you, then try again."},
	"TWO_FACTORS_REQUIRED":       {Chinese: "此操作需要两步验证，请先用密码和验证码重新验证身份", English: "This takes two factors. Please confirm that it is you with your password and a code."},
	"TICKET_INVALID":             {Chinese: "登录流程已失效，请重新开始", English: "This sign-in has expired. Please start again."},
	"NOT_SUSPENDED":              {Chinese: "该登录方式未被暂停", English: "This way to sign in is not suspended."},
	"PHONE_TAKEN":                {Chinese: "该手机号已绑定其他账号", English: "This phone number is bound to another account."},
	"EMAIL_TAKEN":                {Chinese: "该邮箱已被其他账号使用", English: "This e-mail address is used by another account."},
	"STATE_INVALID":              {Chinese: "登录流程已失效，请重新开始", English: "This sign-in has expired or was started in another browser. Please start again."},
	"LARK_REFUSED":               {Chinese: "飞书未确认您的身份", English: "Lark did not confirm your identity."},
	"IDENTITY_NOT_BOUND":         {Chinese: "该飞书账号尚未绑定，请用其他方式登录后绑定", English: "This Lark account is not bound. Sign in another way, then bind it."},
	"IDENTITY_TAKEN":             {Chinese: "该飞书账号已绑定其他账号", English: "This Lark account is bound to another account."},
	"LAST_WAY_IN":                {Chinese: "这是最后一种登录方式，不能解除绑定", English: "This is the last way to sign in to your account and cannot be removed."},
	"NOT_CONFIGURED":             {Chinese: "服务器未配置此功能", English: "This feature is not configured on the server."},
	"PASSWORD_REFUSED":           {Chinese: "密码不符合要求", English: "This password does not meet the requirements."},
	"EMAIL_NOT_ALLOWED":          {Chinese: "该邮箱的域名不在允许注册的范围内", English: "Registration is not open to this e-mail domain."},
	"PHONE_NOT_ALLOWED":          {Chinese: "暂不支持向该国家或地区的手机号发送短信", English: "No text messages are sent to the country of this number."},
	"RIGHT_MISSING":              {Chinese: "您没有此操作所需的权限", English: "You do not have the right that this requires."},
	"ACCOUNT_NOT_FOUND":          {Chinese: "没有这个账号", English: "Account not found."},
	"GROUP_NOT_FOUND":            {Chinese: "没有这个成员组", English: "Member group not found."},
	"VERSION_CONFLICT":           {Chinese: "内容已被他人修改，请刷新后再试", English: "Someone else has changed this. Please reload it and try again."},
	"LAST_ADMINISTRATOR":         {Chinese: "此操作之后将没有管理员能够登录，请先增加管理员或绑定身份验证器", English: "After this, no administrator could sign in. Add another administrator, or bind an authenticator app, first."},
	"GROUP_TAKEN":                {Chinese: "该成员组名称已被使用", English: "A member group with this name already exists."},
	"GROUP_FOR_NEW_ACCOUNTS":     {Chinese: "新账号都在成员组 None 中，不能为其设置权限或要求两步验证", English: "New accounts are in the group None. It can have no rights, and cannot require a second factor."},
	"GROUP_IN_USE":               {Chinese: "该成员组仍有成员，或是新账号的默认组，不能删除", English: "This group has members or is the default for new accounts, and cannot be deleted."},
	"LIMIT_NOT_FOUND":            {Chinese: "没有这项限制", English: "Limit not found."},
	"WEBHOOK_NOT_FOUND":          {Chinese: "没有这个 Webhook", English: "Webhook not found."},
	"WEBHOOK_DELIVERY_NOT_FOUND": {Chinese: "该 Webhook 的发送记录中没有这个事件，请按时间重新发送", English: "This event is not in the webhook's delivery log. Replay the events since its time."},
	"WEBHOOK_LIMIT":              {Chinese: "Webhook 数量已达上限，请先删除一个", English: "The webhook limit is reached. Delete one first."},
	"WEBHOOK_DISABLED":           {Chinese: "该 Webhook 已停用，请先启用", English: "This webhook is disabled. Enable it first."},
	"IDEMPOTENCY_KEY_REUSED":     {Chinese: "该幂等键已用于其他请求，请换一个", English: "This Idempotency-Key was used for another request. Use a new one."},
	"NOT_FOUND":                  {Chinese: "没有这个接口", English: "There is no operation at this path."},
	"METHOD_NOT_ALLOWED":         {Chinese: "该接口不支持此请求方法", English: "This path does not support this method."},
	"NOT_ACCEPTABLE":             {Chinese: "只能返回 application/json", English: "The response can only be application/json."},
	"BODY_TOO_LARGE":             {Chinese: "请求内容超过 64 KiB", English: "The request body is larger than 64 KiB."},
	"UNSUPPORTED_MEDIA_TYPE":     {Chinese: "不支持这种请求内容类型（Content-Type）", English: "This Content-Type is not supported here."},
	"TOO_MANY_REQUESTS":          {Chinese: "操作太频繁，请稍后再试", English: "Too many requests. Please try again later."},
	"INTERNAL":                   {Chinese: "服务器内部错误", English: "Something went wrong on the server."},
	"UNAVAILABLE":                {Chinese: "服务暂时不可用，请稍后再试", English: "The service is temporarily unavailable. Please try again later."},
}

// ErrorCodes returns every code, sorted.
func ErrorCodes() []string { return slices.Sorted(maps.Keys(messages)) }
