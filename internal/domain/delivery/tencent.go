package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/platform/outbound"
)

// Tencent sends by the SMS service of Tencent Cloud (SendSms, version 2021-01-11), without their SDK: for one operation
// the SDK only adds the signature, which is in tencent_sign.go.
//
// SendSms has no idempotency key. The message's id is sent as SessionContext, which the service only repeats in its
// reports. A request whose response was lost is repeated with the same text and can be charged again: until the code
// expires at the latest, and not within 30 seconds if the service limits one number to one message in that time, as it
// does by default.
type Tencent struct {
	client *outbound.Client

	address string
	host    string // as it is signed
	region  string
	key     tc3Key

	appID     string
	signName  string
	templates map[string]string
}

const (
	tencentService = "sms"
	tencentContent = "application/json; charset=utf-8"
)

// templateKeys are the messages that need an approved template. The service has separate templates for numbers of the
// Chinese mainland and of the rest of the world; in each, {1} is the code and {2} its lifetime in minutes. Without a
// global template, numbers abroad get no message.
var templateKeys = []string{string(SignInCode), string(PhoneCode), string(SignInCode) + globally, string(PhoneCode) + globally}

const globally = "_global"

func newTencent(u *url.URL, s SMSSettings) (Sender, error) {
	secret, _ := u.User.Password()
	region := strings.Trim(u.Path, "/")

	switch {
	case u.User.Username() == "" || secret == "":
		return nil, errors.New("SecretId or SecretKey is missing")
	case region == "" || strings.Contains(region, "/"):
		return nil, errors.New("the region, as in /ap-guangzhou, is missing")
	case s.AppID == "":
		return nil, errors.New("the ID of the application is missing")
	}

	templates, err := parseTemplates(s.Templates)
	if err != nil {
		return nil, err
	}

	return &Tencent{
		client:  outbound.New(smsLimits),
		address: "https://" + u.Host + "/", host: u.Host, region: region,
		key:   tc3Key{id: u.User.Username(), secret: secret},
		appID: s.AppID, signName: s.SignName, templates: templates,
	}, nil
}

func parseTemplates(list []string) (map[string]string, error) {
	templates := map[string]string{}

	for _, one := range list {
		key, id, _ := strings.Cut(strings.TrimSpace(one), ":")
		if _, err := strconv.ParseUint(id, 10, 64); err != nil || !slices.Contains(templateKeys, key) {
			return nil, fmt.Errorf("%q is not KEY:ID with one of the keys %s", one, strings.Join(templateKeys, ", "))
		}

		templates[key] = id
	}

	for _, kind := range []Kind{SignInCode, PhoneCode} {
		if templates[string(kind)] == "" {
			return nil, fmt.Errorf("the template %s is missing", kind)
		}
	}

	return templates, nil
}

// sendSMS is the body of a request.
type sendSMS struct {
	PhoneNumberSet   []string
	AppID            string `json:"SmsSdkAppId"`
	SignName         string `json:",omitempty"`
	TemplateID       string `json:"TemplateId"`
	TemplateParamSet []string
	SessionContext   string
}

// sendSMSAnswer is the body of a response. Its status is always 200.
type sendSMSAnswer struct {
	Response struct {
		Error         *tencentError
		SendStatusSet []struct{ Code string }
		RequestID     string `json:"RequestId"`
	}
}

type tencentError struct{ Code string }

// Send makes one attempt.
func (t *Tencent) Send(ctx context.Context, message Outgoing) error {
	template, err := t.template(message)
	if err != nil {
		return err
	}

	body, err := json.Marshal(sendSMS{
		PhoneNumberSet: []string{message.To}, AppID: t.appID, SignName: t.signName, TemplateID: template,
		TemplateParamSet: []string{message.Code, strconv.Itoa(message.Minutes)}, SessionContext: message.ID,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}

	got, err := t.client.Post(ctx, t.address, map[string]string{
		"Authorization":  t.key.authorization(tencentService, t.host, tencentContent, body, message.At),
		"Content-Type":   tencentContent,
		"X-TC-Action":    "SendSms",
		"X-TC-Version":   "2021-01-11",
		"X-TC-Region":    t.region,
		"X-TC-Timestamp": strconv.FormatInt(message.At.Unix(), 10),
	}, body)
	if err != nil {
		return notSent(fmt.Errorf("tencent: %w", err))
	}

	return outcome(got)
}

// template returns the template for the message, and a final error if no later attempt could succeed.
func (t *Tencent) template(message Outgoing) (string, error) {
	if _, err := account.ParsePhone(message.To); err != nil {
		return "", fmt.Errorf("%w: the recipient is not a phone number", ErrRefused)
	}

	key := string(message.Kind)
	if !strings.HasPrefix(message.To, "+86") {
		key += globally
	}

	id, ok := t.templates[key]
	if !ok {
		return "", fmt.Errorf("%w: there is no template %s", ErrRefused, key)
	}

	return id, nil
}

func outcome(got outbound.Answer) error {
	if !got.Accepted() {
		return fmt.Errorf("tencent: status %d", got.Status)
	}

	var said sendSMSAnswer
	if err := json.Unmarshal(got.Body, &said); err != nil {
		return errors.New("tencent: the response cannot be read")
	}

	var code string

	switch {
	case said.Response.Error != nil:
		code = said.Response.Error.Code
	case len(said.Response.SendStatusSet) == 1:
		code = said.Response.SendStatusSet[0].Code
	}

	// The service's own message is left out: it may quote the number and the code.
	reason := fmt.Sprintf("tencent: %s (request %s)", plain(code), plain(said.Response.RequestID))

	switch {
	case said.Response.Error == nil && code == "Ok":
		return nil
	case slices.Contains(tencentRefusals, code):
		return fmt.Errorf("%w: %s", ErrRefused, reason)
	}

	// The service names no other codes after it may have accepted the message.
	if code == "" || strings.HasPrefix(code, "InternalError") {
		return errors.New(reason)
	}

	return notAccepted{errors.New(reason)}
}

// plain returns a word of the service, or a substitute if it contains anything else.
func plain(word string) string {
	if !plainWord.MatchString(word) {
		return "unknown"
	}

	return word
}

var plainWord = regexp.MustCompile(`^[0-9A-Za-z._-]{1,100}$`)

// tencentRefusals are the error codes that do not change while a code is valid: they are about the number or the
// template. All others are retried, those about keys, quotas and balances too: an operator may fix these.
var tencentRefusals = []string{
	"FailedOperation.ContainSensitiveWord",
	"FailedOperation.PhoneNumberInBlacklist",
	"FailedOperation.PhoneNumberParseFail",
	"FailedOperation.SignatureIncorrectOrUnapproved",
	"FailedOperation.TemplateIdNotExist",
	"FailedOperation.TemplateIncorrectOrUnapproved",
	"FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
	"FailedOperation.TemplateUnapprovedOrNotExist",
	"InvalidParameterValue.ContentLengthLimit",
	"InvalidParameterValue.IncorrectPhoneNumber",
	"InvalidParameterValue.InvalidTemplateFormat",
	"InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
	"InvalidParameterValue.TemplateParameterFormatError",
	"InvalidParameterValue.TemplateParameterLengthLimit",
	"LimitExceeded.AppCountryOrRegionInBlacklist",
	"LimitExceeded.PhoneNumberDailyLimit",
	"LimitExceeded.PhoneNumberOneHourLimit",
	"LimitExceeded.PhoneNumberSameContentDailyLimit",
	"UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
	"UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
	"UnsupportedOperation.GlobalTemplateToChineseMainlandPhone",
}
