package delivery

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

const tencentOK = `{"Response":{"SendStatusSet":[{"SerialNo":"5000:1","PhoneNumber":"+8613800138000","Fee":1,"SessionContext":"an-id",
	"Code":"Ok","Message":"send success","IsoCode":"CN"}],"RequestId":"a0aabda6-cf91-4f3e-a81f-9198114a2279"}}`

// T-11: the service receives one message to one number, signed, with the code and its minutes.
func TestTencentGetsOneSignedMessage(t *testing.T) {
	t.Parallel()

	for _, c := range []struct {
		name, to, template string
		kind               Kind
	}{
		{"SignInOnTheMainland", mainland, "1110", SignInCode},
		{"PhoneOnTheMainland", mainland, "1111", PhoneCode},
		{"SignInAbroad", abroad, "2110", SignInCode},
		{"SignInInHongKong", "+85251234567", "2110", SignInCode},
		{"SignInInTaiwan", "+886912345678", "2110", SignInCode},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			p := newProvider(t, answers(http.StatusOK, tencentOK))
			message := sms(t, c.kind, c.to)

			if err := tencent(t, p).Send(t.Context(), message); err != nil {
				t.Fatal(err)
			}

			calls := p.got()
			if len(calls) != 1 {
				t.Fatalf("%d requests", len(calls))
			}

			want := fmt.Sprintf(`{"PhoneNumberSet":[%q],"SmsSdkAppId":"1400006666","SignName":"科能","TemplateId":%q,`+
				`"TemplateParamSet":["042137","5"],"SessionContext":"an-id"}`, c.to, c.template)
			if got := string(calls[0].body); got != want {
				t.Errorf("body\ngot  %s\nwant %s", got, want)
			}

			signedForTencent(t, calls[0], message.At)
		})
	}

	t.Run("RepeatIsTheSameMessage", func(t *testing.T) {
		t.Parallel()

		p := newProvider(t, answers(http.StatusOK, tencentOK))
		s, message := tencent(t, p), sms(t, SignInCode, mainland)

		for range 2 {
			if err := s.Send(t.Context(), message); err != nil {
				t.Fatal(err)
			}

			message.At = message.At.Add(time.Minute)
		}

		if calls := p.got(); !bytes.Equal(calls[0].body, calls[1].body) {
			t.Errorf("%s\n%s", calls[0].body, calls[1].body)
		}
	})
}

var tc3Authorization = regexp.MustCompile(`^TC3-HMAC-SHA256 Credential=an-id/(\d{4}-\d\d-\d\d)/sms/tc3_request, SignedHeaders=([a-z;-]+), Signature=([0-9a-f]{64})$`)

// signedForTencent computes the signature anew, from the received request.
func signedForTencent(t *testing.T, c call, at time.Time) {
	t.Helper()

	header := c.request.Header
	for name, want := range map[string]string{
		"X-Tc-Action": "SendSms", "X-Tc-Version": "2021-01-11", "X-Tc-Region": "ap-guangzhou", "X-Tc-Timestamp": fmt.Sprint(at.Unix()),
		"Content-Type": "application/json; charset=utf-8",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}

	parts := tc3Authorization.FindStringSubmatch(header.Get("Authorization"))
	if parts == nil || parts[1] != "2026-01-02" {
		t.Fatalf("authorization %q", header.Get("Authorization"))
	}

	request := fmt.Sprintf("%s\n%s\n%s\n", c.request.Method, c.request.URL.Path, c.request.URL.RawQuery)

	for name := range strings.SplitSeq(parts[2], ";") {
		value := header.Get(name)
		if name == "host" {
			value = c.request.Host
		}

		request += name + ":" + value + "\n"
	}

	request += fmt.Sprintf("\n%s\n%x", parts[2], sha256.Sum256(c.body))

	key := []byte("TC3" + canaryKey)
	for _, step := range []string{
		parts[1], "sms", "tc3_request",
		fmt.Sprintf("TC3-HMAC-SHA256\n%s\n%s/sms/tc3_request\n%x", header.Get("X-Tc-Timestamp"), parts[1], sha256.Sum256([]byte(request))),
	} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(step))
		key = mac.Sum(nil)
	}

	if got := fmt.Sprintf("%x", key); got != parts[3] {
		t.Errorf("signature %s, want %s", parts[3], got)
	}
}

// T-11, R-N4: which errors of the service are final, and which are retried. The number and the code that it quotes are
// in no error.
func TestTencentOutcome(t *testing.T) {
	t.Parallel()

	const quotes = `"Message":"042137 to +8613800138000"`

	inStatus := func(code string) string {
		return fmt.Sprintf(`{"Response":{"SendStatusSet":[{"Code":%q,%s}],"RequestId":"r-1"}}`, code, quotes)
	}
	inError := func(code string) string {
		return fmt.Sprintf(`{"Response":{"Error":{"Code":%q,%s},"RequestId":"r-1"}}`, code, quotes)
	}

	for code, final := range map[string]bool{
		"InvalidParameterValue.IncorrectPhoneNumber": true, "FailedOperation.PhoneNumberInBlacklist": true,
		"FailedOperation.TemplateIncorrectOrUnapproved": true, "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": true,
		"FailedOperation.SignatureIncorrectOrUnapproved": true, "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone": true,
		"LimitExceeded.PhoneNumberDailyLimit": true, "FailedOperation.ContainSensitiveWord": true,
		"LimitExceeded.PhoneNumberThirtySecondLimit": false, "LimitExceeded.DeliveryFrequencyLimit": false, "LimitExceeded.AppDailyLimit": false,
		"FailedOperation.InsufficientBalanceInSmsPackage": false, "AuthFailure.SignatureExpire": false, "AuthFailure.SecretIdNotFound": false,
		"InternalError.Timeout": false, "InternalError": false, "RequestLimitExceeded": false, "UnauthorizedOperation.RequestIpNotInWhitelist": false,
		"Something.New": false, "ok": false, "": false, "042137 +8613800138000": false, strings.Repeat("x", 500): false,
	} {
		for form, body := range map[string]string{"Status": inStatus(code), "Error": inError(code)} {
			t.Run(form+"/"+code, func(t *testing.T) {
				t.Parallel()

				err := tencent(t, newProvider(t, answers(http.StatusOK, body))).Send(t.Context(), sms(t, SignInCode, mainland))
				if err == nil || errors.Is(err, ErrRefused) != final {
					t.Errorf("got %v, final is %t", err, final)
				}

				if len(code) > 2 && len(code) < 100 && !strings.Contains(code, " ") && !strings.Contains(err.Error(), code+" (request r-1)") {
					t.Errorf("%q does not say why", err)
				}

				withoutCanary(t, err)
			})
		}
	}

	for name, reply := range map[string]http.HandlerFunc{
		"OkInAnError":    answers(http.StatusOK, inError("Ok")),
		"NoStatus":       answers(http.StatusOK, `{"Response":{"SendStatusSet":[],"RequestId":"r-1"}}`),
		"TwoStatuses":    answers(http.StatusOK, `{"Response":{"SendStatusSet":[{"Code":"Ok"},{"Code":"Ok"}]}}`),
		"NoJSON":         answers(http.StatusOK, `<html>042137</html>`),
		"Nothing":        answers(http.StatusOK, ""),
		"Unavailable":    answers(http.StatusServiceUnavailable, tencentOK),
		"BadRequest":     answers(http.StatusBadRequest, tencentOK),
		"TooMany":        answers(http.StatusTooManyRequests, ""),
		"AnotherService": answers(http.StatusOK, `{"Response":"Ok"}`),
	} {
		t.Run("TriedAgain/"+name, func(t *testing.T) {
			t.Parallel()

			err := tencent(t, newProvider(t, reply)).Send(t.Context(), sms(t, SignInCode, mainland))
			if err == nil || errors.Is(err, ErrRefused) {
				t.Errorf("got %v, want a failure that is tried again", err)
			}

			withoutCanary(t, err)
		})
	}

	t.Run("NoGlobalTemplateIsTheLastWord", func(t *testing.T) {
		t.Parallel()

		p := newProvider(t, answers(http.StatusOK, tencentOK))
		if err := tencent(t, p).Send(t.Context(), sms(t, PhoneCode, abroad)); !errors.Is(err, ErrRefused) || len(p.got()) != 0 {
			t.Errorf("got %v, %d requests", err, len(p.got()))
		}
	})
}

// The published response of the service is parsed.
func TestTencentAnswerIsRead(t *testing.T) {
	t.Parallel()

	var said sendSMSAnswer
	if err := json.Unmarshal([]byte(tencentOK), &said); err != nil || said.Response.SendStatusSet[0].Code != "Ok" ||
		said.Response.RequestID != "a0aabda6-cf91-4f3e-a81f-9198114a2279" {
		t.Errorf("%+v, %v", said, err)
	}
}
