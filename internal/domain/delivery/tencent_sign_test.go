package delivery

import (
	"testing"
	"time"
)

// The example that Tencent Cloud publishes for its signature version 3: every step of it, with the keys, which are
// valid for nothing else.
func TestTC3IsAsPublished(t *testing.T) {
	t.Parallel()

	const (
		host    = "cvm.tencentcloudapi.com"
		content = "application/json; charset=utf-8"
		scope   = "2019-02-25/cvm/tc3_request"
	)

	body := []byte(`{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`)
	key := tc3Key{id: "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", secret: "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"}
	// In Beijing it is already the next day.
	at := time.Unix(1551113065, 0).In(time.FixedZone("CST", 8*60*60))

	canonical := tc3CanonicalRequest(host, content, body)
	toSign := tc3StringToSign(scope, canonical, at)

	for what, c := range map[string]struct{ got, want string }{
		"PayloadHash": {sha256Hex(body), "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064"},
		"CanonicalRequest": {
			canonical, "POST\n/\n\ncontent-type:application/json; charset=utf-8\nhost:cvm.tencentcloudapi.com\n\n" +
				"content-type;host\n35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064",
		},
		"CanonicalRequestHash": {sha256Hex([]byte(canonical)), "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031"},
		"StringToSign": {
			toSign, "TC3-HMAC-SHA256\n1551113065\n" + scope + "\n5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031",
		},
		"Signature": {key.sign(scope, toSign), "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"},
		"Authorization": {
			key.authorization("cvm", host, content, body, at),
			"TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/" + scope + ", SignedHeaders=content-type;host, " +
				"Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
		},
	} {
		if c.got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", what, c.got, c.want)
		}
	}
}
