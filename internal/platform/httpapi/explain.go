package httpapi

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// maxFieldName is the document's limit of FieldError.field.
const maxFieldName = 256

var (
	textQuery            = language.Text{Chinese: "查询字符串格式错误", English: "the query string is malformed"}
	textForm             = language.Text{Chinese: "表单格式错误", English: "the form is malformed"}
	textCutOff           = language.Text{Chinese: "请求内容不完整", English: "the body is incomplete"}
	textTrailing         = language.Text{Chinese: "JSON 之后有多余内容", English: "extra content after the JSON value"}
	textSyntax           = language.Text{Chinese: "不是有效的 JSON", English: "is not valid JSON"}
	textTwice            = language.Text{Chinese: "重复出现", English: "appears more than once"}
	textNotText          = language.Text{Chinese: "包含不允许的字符", English: "contains characters that are not allowed"}
	textUnknownMember    = language.Text{Chinese: "未知的字段", English: "is not a known field"}
	textUnknownParameter = language.Text{Chinese: "未知的查询参数", English: "is not a known query parameter"}
	textTooMany          = language.Text{Chinese: "内容过多", English: "has too many fields or items"}
	textTooDeep          = language.Text{Chinese: "嵌套层数过多", English: "is nested too deeply"}
	textTooLong          = language.Text{Chinese: "内容过长", English: "is too long"}
	textRequired         = language.Text{Chinese: "必须填写", English: "is required"}
	textEmpty            = language.Text{Chinese: "不能为空", English: "must not be empty"}
	textType             = language.Text{Chinese: "类型不正确", English: "has the wrong type"}
	textChoice           = language.Text{Chinese: "不是允许的值", English: "is not one of the allowed values"}
	textPattern          = language.Text{Chinese: "格式不正确", English: "has the wrong format"}
	textOther            = language.Text{Chinese: "不符合要求", English: "is not valid"}
)

// formatTexts explain the formats of the fields that users fill in.
var formatTexts = map[string]language.Text{
	"email":        {Chinese: "不是有效的邮箱地址", English: "is not a valid e-mail address"},
	"password":     {Chinese: "最多 1024 字节", English: "must have at most 1024 bytes"},
	"picture":      {Chinese: "必须是对象键或 https 网址", English: "must be an object key or an https URL"},
	"phone":        {Chinese: "必须为 E.164 格式，国家代码后不加 0，例如 +8613800138000", English: "must be in the form of E.164, without a zero after the country code, as in +8613800138000"},
	"group-name":   {Chinese: "只能包含文字、数字、空格和 . _ -，并以文字或数字开头", English: "must have only letters, digits, spaces and . _ -, and begin with a letter or a digit"},
	"label":        {Chinese: "必须为一行，最多 64 个字符，不能包含控制字符", English: "must be one line of at most 64 characters, without control characters"},
	"display-name": {Chinese: "必须为一行，1 到 64 个字符，不能包含控制字符", English: "must be one line of 1 to 64 characters, without control characters"},
}

// FormatText explains what the format requires, for a page that validates its own input.
func FormatText(format string) language.Text { return formatTexts[format] }

// UnknownChoice is the error for a query parameter that is not one of the allowed values, for an operation that answers so
// without the parameter, too.
func UnknownChoice(name string) error {
	return problem.ErrInvalidRequest.WithFields(problem.Field{Name: "?" + name, Message: textChoice})
}

// syntax explains what jsontext found. Its own message quotes the input, which may be a secret.
func syntax(err error) language.Text {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return textTwice
	}

	return textSyntax
}

// invalid converts the validator's error to the fields at fault, few of them. It copies no text of the validator, which
// quotes the value: it may be a password.
func invalid(err error) error {
	var found faults

	found.collect(err, "")

	return problem.ErrInvalidRequest.WithFields(found...)
}

// faults are the fields at fault. One reason per field is enough: a text that is too short is not a valid e-mail address
// either.
type faults []problem.Field

func (f *faults) add(field problem.Field) {
	if !slices.ContainsFunc(*f, func(one problem.Field) bool { return one.Name == field.Name }) {
		*f = append(*f, field)
	}
}

func (f *faults) collect(err error, prefix string) {
	if len(*f) == maxFaults {
		return
	}

	switch e := err.(type) { //nolint:errorlint // the tree is walked, not searched
	case openapi3.MultiError:
		for _, one := range e {
			f.collect(one, prefix)
		}
	case *openapi3filter.RequestError:
		if e.Parameter != nil {
			prefix = parameterField(e.Parameter)
		}

		if e.Err == nil || errors.Is(e.Err, openapi3filter.ErrInvalidRequired) {
			f.add(problem.Field{Name: prefix, Message: textRequired})

			return
		}

		f.collect(e.Err, prefix)
	case *openapi3.SchemaError:
		f.add(schemaField(e, prefix))
	default:
		f.add(problem.Field{Name: prefix, Message: textOther})
	}
}

// escapes are those of a JSON Pointer (RFC 6901, section 3).
var escapes = strings.NewReplacer("~", "~0", "/", "~1")

func parameterField(parameter *openapi3.Parameter) string {
	if parameter.In == openapi3.ParameterInQuery {
		return "?" + parameter.Name
	}

	return parameter.Name
}

func schemaField(e *openapi3.SchemaError, prefix string) problem.Field {
	name := prefix

	path := e.JSONPointer()
	if unknown, ok := unknownMember(e); ok {
		path = append(path, unknown)
	}

	for _, part := range path {
		name += "/" + escapes.Replace(part)
	}

	if len(name) > maxFieldName || !isText(name) {
		name = prefix
	}

	return problem.Field{Name: name, Message: schemaText(e)}
}

// unknownMember returns the member that is not in the document. The validator has it only in its text: `property "x" is
// unsupported`.
func unknownMember(e *openapi3.SchemaError) (string, bool) {
	rest, found := strings.CutPrefix(e.Reason, "property ")
	if e.SchemaField != "properties" || !found {
		return "", false
	}

	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return "", false
	}

	name, err := strconv.Unquote(quoted)

	return name, err == nil
}

func schemaText(e *openapi3.SchemaError) language.Text {
	switch e.SchemaField {
	case "required":
		return textRequired
	case "type", "nullable":
		return textType
	case "properties", "additionalProperties":
		return textUnknownMember
	case "enum":
		return textChoice
	case "pattern":
		return textPattern
	case "format":
		if text, known := formatTexts[e.Schema.Format]; known {
			return text
		}

		return textPattern
	case "minLength":
		if e.Schema.MinLength == 1 {
			return textEmpty
		}

		return bound("至少 %d 个字符", "must have at least %d characters", e.Schema.MinLength)
	case "maxLength":
		return bound("最多 %d 个字符", "must have at most %d characters", *e.Schema.MaxLength)
	case "minimum":
		return bound("不能小于 %.0f", "must be at least %.0f", *e.Schema.Min)
	case "maximum":
		return bound("不能大于 %.0f", "must be at most %.0f", *e.Schema.Max)
	case "minItems":
		return bound("至少 %d 项", "must have at least %d items", e.Schema.MinItems)
	case "maxItems":
		return bound("最多 %d 项", "must have at most %d items", *e.Schema.MaxItems)
	}

	return textOther
}

func bound(chinese, english string, limit any) language.Text {
	return language.Text{Chinese: fmt.Sprintf(chinese, limit), English: fmt.Sprintf(english, limit)}
}
