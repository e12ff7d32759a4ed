package problem

import (
	"maps"
	"slices"

	"github.com/konec/toolkit-gateway/internal/language"
)

// messages says every code to people. A test holds its keys against the document's ErrorCode.
var messages = map[string]language.Text{
	"INVALID_REQUEST":        {Chinese: "请求内容不符合要求", English: "The request is not valid."},
	"INVALID_CREDENTIALS":    {Chinese: "邮箱或密码不正确", English: "Wrong e-mail address or password."},
	"UNAUTHENTICATED":        {Chinese: "请先登录", English: "Please sign in."},
	"TOKEN_INVALID":          {Chinese: "登录已失效，请重新登录", English: "Your sign-in is no longer valid. Please sign in again."},
	"REFRESH_TOKEN_INVALID":  {Chinese: "会话已结束，请重新登录", English: "Your session is over. Please sign in again."},
	"CODE_INVALID":           {Chinese: "验证码错误或已失效", English: "The code is wrong or no longer valid."},
	"PASSWORD_REFUSED":       {Chinese: "密码不符合要求", English: "This password cannot be used."},
	"EMAIL_NOT_ALLOWED":      {Chinese: "该邮箱不在允许注册的范围内", English: "This e-mail address may not register here."},
	"NOT_FOUND":              {Chinese: "没有这个接口", English: "There is nothing at this path."},
	"METHOD_NOT_ALLOWED":     {Chinese: "该接口不支持这个请求方法", English: "This path does not have this method."},
	"NOT_ACCEPTABLE":         {Chinese: "只能返回 application/json", English: "The answer can only be application/json."},
	"BODY_TOO_LARGE":         {Chinese: "请求内容超过 64 KiB", English: "The body is larger than 64 KiB."},
	"UNSUPPORTED_MEDIA_TYPE": {Chinese: "不支持这种请求内容类型", English: "This content type is not supported here."},
	"TOO_MANY_REQUESTS":      {Chinese: "操作太频繁，请稍后再试", English: "Too many requests. Please try again later."},
	"INTERNAL":               {Chinese: "服务器内部错误", English: "Something went wrong on our side."},
	"UNAVAILABLE":            {Chinese: "服务暂时不可用，请稍后再试", English: "The service is not available just now. Please try again shortly."},
}

// Codes lists every code there is, sorted.
func Codes() []string { return slices.Sorted(maps.Keys(messages)) }
