package tokentest

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

func name(value any) string {
	if _, left := value.(omit); left {
		return "left out"
	}

	text := fmt.Sprintf("%#v", value)

	return text[:min(len(text), 40)]
}

// keyIDs returns tokens whose key id names another key, a file or a statement (R-G3).
func (i Issuer) keyIDs() []Forgery {
	var list []Forgery

	for _, kid := range []any{
		omit{}, nil, "", 0, 1, true, []string{i.KeyID}, map[string]any{"id": i.KeyID},
		"unknown", "../../../../dev/null", "/dev/null", "file:///dev/null", "https://attacker.example/key",
		"' OR '1'='1", i.KeyID + "' --", "\x00", i.KeyID + "\x00", i.KeyID + " ", " " + i.KeyID, i.KeyID + "\n",
		i.KeyID[:len(i.KeyID)-1], i.KeyID + "A", strings.Repeat("k", 2000), "$(id)", "%", "*",
	} {
		list = append(list, Forgery{"kid " + name(kid), i.sign(i.header(map[string]any{"kid": kid}), i.claims(nil))})
	}

	return list
}

// headers returns tokens that bring their own key, or ask to be read in another way (R-G2, R-G3).
func (i Issuer) headers() []Forgery {
	own := map[string]any{
		"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(i.Private.Public().(ed25519.PublicKey)),
	}

	var list []Forgery

	for member, value := range map[string]any{
		"jku": "https://attacker.example/jwks.json", "jwk": own, "x5u": "https://attacker.example/cert.pem",
		"x5c": []string{"MIIB"}, "x5t": "AAAA", "x5t#S256": "AAAA", "b64": false, "zip": "DEF", "cty": "JWT", "enc": "A256GCM",
		"exp": 1, "unknown": "x", "": "x", "KID": "x",
	} {
		list = append(list, Forgery{"header " + member, i.sign(i.header(map[string]any{member: value}), i.claims(nil))})
	}

	for _, crit := range [][]string{{}, {"exp"}, {"b64"}, {"unknown"}} {
		list = append(list, Forgery{"header crit " + name(crit), i.sign(i.header(map[string]any{"crit": crit}), i.claims(nil))})
	}

	for _, typ := range []any{
		omit{}, nil, "", "JWT", "jwt", "AT+JWT", "at+JWT", "application/at+jwt", "at+jwt ", "refresh+jwt", "id+jwt", 1, []string{"at+jwt"},
	} {
		list = append(list, Forgery{"typ " + name(typ), i.sign(i.header(map[string]any{"typ": typ}), i.claims(nil))})
	}

	return list
}

// times returns tokens whose times are missing, past, in the future, or not times (V-14, F-12).
func (i Issuer) times() []Forgery {
	now := i.Now.Unix()
	past, future := now-int64(time.Minute/time.Second), now+int64(time.Hour/time.Second)

	var list []Forgery

	for claim, values := range map[string][]any{
		"exp": {past, now - 6, 0, -1, float64(past) + 0.5, 1e-308, -1e308, 1e308, 1e19},
		"nbf": {future, now + 6, float64(future) + 0.5, 1e308, 1e19},
		"iat": {future, now + 6, 1e308, 1e19},
	} {
		text := time.Unix(now+3600, 0).UTC().Format(time.RFC3339)
		values = append(values, omit{}, nil, "", text, fmt.Sprint(now), "never", true, []int64{now}, map[string]any{"at": now})

		for _, value := range values {
			list = append(list, Forgery{claim + " " + name(value), i.sign(i.header(nil), i.claims(map[string]any{claim: value}))})
		}
	}

	return list
}

// names returns tokens for another issuer, audience, account or session, or without one.
func (i Issuer) names() []Forgery {
	var list []Forgery

	for claim, values := range map[string][]any{
		"iss": {"", "https://attacker.example", i.Issuer + "/", strings.ToUpper(i.Issuer), i.Issuer + ".attacker.example", []string{i.Issuer}, 1},
		"aud": {"", "other", strings.ToUpper(i.Audience), i.Audience + " ", i.Audience + ",other", []string{}, []string{i.Audience}, []string{i.Audience, "other"}, []string{"other", "another"},
			[]any{i.Audience, 1}, map[string]any{"aud": i.Audience}, 1},
		"sub": {"", 1, []string{i.AccountID}, true},
		"sid": {"", 1, []string{i.SessionID}, true},
	} {
		for _, value := range append(values, omit{}, nil) {
			list = append(list, Forgery{claim + " " + name(value), i.sign(i.header(nil), i.claims(map[string]any{claim: value}))})
		}
	}

	return append(list,
		Forgery{"memberGroup a list", i.sign(i.header(nil), i.claims(map[string]any{"memberGroup": []string{"Admin"}}))},
		Forgery{"claims a list", i.sign(i.header(nil), "["+i.claims(nil)+"]")},
		Forgery{"claims null", i.sign(i.header(nil), "null")},
		Forgery{"claims empty", i.sign(i.header(nil), "{}")},
		Forgery{"claims nothing", i.sign(i.header(nil), "")},
		Forgery{"claims twice", i.sign(i.header(nil), i.claims(nil)+i.claims(nil))},
		Forgery{"claims cut off", i.sign(i.header(nil), strings.TrimSuffix(i.claims(nil), "}"))},
		Forgery{"header null", i.sign("null", i.claims(nil))},
		Forgery{"header a list", i.sign("["+i.header(nil)+"]", i.claims(nil))},
		Forgery{"header nothing", i.sign("", i.claims(nil))},
	)
}

// twice returns tokens with members that occur twice, of which one parser uses the first and another the last, and with
// members in another case, which encoding/json accepts (RFC 8725, section 2.8).
func (i Issuer) twice() []Forgery {
	past, future := i.Now.Add(-time.Hour).Unix(), i.Now.Add(time.Hour).Unix()
	first := func(object, member string) string { return "{" + member + "," + object[1:] }
	last := func(object, member string) string { return object[:len(object)-1] + "," + member + "}" }

	var list []Forgery

	for _, member := range []string{
		fmt.Sprintf(`"exp":%d`, past), fmt.Sprintf(`"exp":%d`, future), `"sub":"000000000000000000000000"`, `"sid":"x"`,
		`"iss":"https://attacker.example"`, `"aud":"other"`, `"memberGroup":"Admin"`,
	} {
		list = append(list,
			Forgery{"before the claims " + member, i.sign(i.header(nil), first(i.claims(nil), member))},
			Forgery{"after the claims " + member, i.sign(i.header(nil), last(i.claims(nil), member))},
		)
	}

	for _, member := range []string{`"alg":"none"`, `"alg":"EdDSA"`, `"typ":"JWT"`, `"kid":"other"`} {
		list = append(list,
			Forgery{"before the header " + member, i.sign(first(i.header(nil), member), i.claims(nil))},
			Forgery{"after the header " + member, i.sign(last(i.header(nil), member), i.claims(nil))},
		)
	}

	for claim, value := range map[string]any{"exp": future, "sub": i.AccountID, "sid": i.SessionID, "iss": i.Issuer, "aud": i.Audience} {
		list = append(list, Forgery{"claim " + strings.ToUpper(claim), i.sign(i.header(nil), i.claims(map[string]any{
			claim: omit{}, strings.ToUpper(claim): value,
		}))})
	}

	return list
}
