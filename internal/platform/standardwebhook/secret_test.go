package standardwebhook_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/standardwebhook"
)

// The example that the implementations of Standard Webhooks share.
const (
	publishedSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	publishedSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func TestSignatureIsAsPublished(t *testing.T) {
	t.Parallel()

	secret, err := standardwebhook.ParseSecret(publishedSecret)
	if err != nil {
		t.Fatal(err)
	}

	at := time.Unix(1614265330, 999_999_999)
	header := standardwebhook.Header("msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`), secret)

	for name, want := range map[string]string{
		"Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "Webhook-Timestamp": "1614265330", "Webhook-Signature": publishedSignature,
		"Content-Type": "application/json",
	} {
		if header[name] != want {
			t.Errorf("%s: %s, want %s", name, header[name], want)
		}
	}

	both := standardwebhook.Header("msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`), standardwebhook.NewSecret(), secret)["Webhook-Signature"]
	if !regexp.MustCompile(`^v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=$`).MatchString(both) || !strings.HasSuffix(both, " "+publishedSignature) {
		t.Errorf("with two secrets: %s", both)
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()

	t.Run("NewOnesAreLongAndNew", func(t *testing.T) {
		t.Parallel()

		one, other := standardwebhook.NewSecret(), standardwebhook.NewSecret()
		if len(one) != 32 || one.Text() == other.Text() {
			t.Errorf("%d bytes, %s and %s", len(one), one.Text(), other.Text())
		}

		if again, err := standardwebhook.ParseSecret(one.Text()); err != nil || string(again) != string(one) {
			t.Errorf("its text does not read back: %v", err)
		}
	})

	t.Run("OthersAreRefusedWithoutAWordAboutThem", func(t *testing.T) {
		t.Parallel()

		for _, text := range []string{
			"", "whsec_", "whsec_canary!", "whsec_" + strings.Repeat("A", 28), "whsec_" + strings.Repeat("A", 88), "whsk_" + publishedSecret,
		} {
			if _, err := standardwebhook.ParseSecret(text); !errors.Is(err, standardwebhook.ErrSecret) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}
