package transfer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/transfer"
)

// firebaseFile is what firebase auth:export users.json writes.
const firebaseFile = `{"users": [
{
  "localId": "Xq3vYtLw0ZfQh8mN2sKbR5uPjA71",
  "email": "Ann@konec.test",
  "emailVerified": true,
  "passwordHash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
  "salt": "42xEC+ixf3L2lw==",
  "displayName": "Ann \"A\" 李",
  "photoUrl": "https://x.test/a.png",
  "lastSignedInAt": "1700000000123",
  "createdAt": "1600000000456",
  "phoneNumber": "+8613800138000",
  "customAttributes": "{\"admin\":true}",
  "providerUserInfo": [
    {
      "providerId": "google.com",
      "rawId": "1"
    }
  ]
},
{
  "localId": "b",
  "email": "bob@konec.test",
  "emailVerified": false,
  "passwordHash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
  "salt": "42xEC+ixf3L2lw==",
  "createdAt": "1500000000000",
  "phoneNumber": "+8613800138001",
  "disabled": true
},
{
  "localId": "c",
  "createdAt": "1500000000000",
  "providerUserInfo": []
},
{
  "localId": "d",
  "email": "dan@konec.test",
  "emailVerified": true,
  "displayName": "dan@konec.test",
  "photoUrl": "http://x.test/a.png",
  "createdAt": "1400000000000"
}]}
`

const firebaseParameters = `hash_config { algorithm: SCRYPT, base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
	base64_salt_separator: Bw==, rounds: 8, mem_cost: 14, }`

func firebase(t *testing.T) func(*transfer.Options) {
	t.Helper()

	config, err := password.ParseFirebaseConfig(firebaseParameters)
	if err != nil {
		t.Fatal(err)
	}

	return func(o *transfer.Options) { o.Firebase = config }
}

// exported returns the records of an export without their ids, which are new.
func (e *env) exported(t *testing.T) string {
	t.Helper()

	var text strings.Builder

	for line := range strings.Lines(e.exports(t, everything)) {
		_, rest, _ := strings.Cut(line, `",`)
		text.WriteString("{" + rest)
	}

	return text.String()
}

// Firebase's export: with its hashes if the parameters are known. An address that was never confirmed brings nothing that opens
// the account.
func TestFirebase(t *testing.T) {
	t.Parallel()

	const (
		dan  = `{"email":"dan@konec.test","name":"dan","memberGroup":"None","status":"active","avatar":0,"createdAt":"2014-05-13T16:53:20.000Z","updatedAt":"2014-05-13T16:53:20.000Z","version":0,"signIns":0}` + "\n"
		bob  = `{"email":"bob@konec.test","name":"bob","memberGroup":"None","status":"disabled","avatar":0,"createdAt":"2017-07-14T02:40:00.000Z","updatedAt":"2017-07-14T02:40:00.000Z","version":0,"signIns":0}` + "\n"
		ann  = `{"email":"ann@konec.test","name":"Ann \"A\" 李","memberGroup":"None","status":"active",`
		hash = `"passwordHash":"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==` +
			`$42xEC+ixf3L2lw==$GjH2+Jz+dglLj5NuFkZHgBvZnv8Z8VZE5sdIgEAbIgeXy+ZfSpJLu1A++pZcpx0OhX41mDwvu2Olmp+PnfLfyQ==",`
		rest = `"phone":"+8613800138000","avatar":0,"picture":"https://x.test/a.png","createdAt":"2020-09-13T12:26:40.456Z","updatedAt":"2020-09-13T12:26:40.456Z","version":0,"signIns":0,"lastSignInAt":"2023-11-14T22:13:20.123Z"}` + "\n"
	)

	const (
		unverified = "line 21, record 2: emailVerified: the address was never confirmed: imported without password, phone"
		nameless   = "line 31, record 3: email: missing"
		pictured   = "line 36, record 4: photoUrl: not an object key"
		unknown    = "passwordHash: a hash of Firebase, which needs the hash parameters of the project"
	)

	e := setup(t)
	o := e.imports(t, firebaseFile, firebase(t))
	o.succeeds(t, 3, 0, unverified, nameless, pictured)

	if o.Format != transfer.Firebase || o.Line != 43 {
		t.Errorf("format %s, %d lines", o.Format, o.Line)
	}

	if got, want := e.exported(t), dan+bob+ann+hash+rest; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	// Without the parameters what has a hash is refused, unless passwords are not wanted.
	e = setup(t)
	e.imports(t, firebaseFile).succeeds(t, 1, 0, "line 2, record 1: "+unknown, "line 21, record 2: "+unknown, nameless, pictured)
	e.imports(t, firebaseFile, func(o *transfer.Options) { o.WithoutPasswords = true }).succeeds(t, 2, 1, unverified, nameless)

	if got, want := e.exported(t), dan+bob+ann+rest; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	// An operator who trusts the addresses says so.
	e = setup(t)
	e.imports(t, firebaseFile, firebase(t), func(o *transfer.Options) { o.TrustUnverified = true }).succeeds(t, 3, 0, nameless, pictured)

	if got := e.exported(t); strings.Count(got, hash) != 2 || !strings.Contains(got, `"+8613800138001"`) {
		t.Errorf("got %s", got)
	}

	// A hash that another system took over from Firebase contains the signer key, which is not kept.
	e = setup(t)
	e.imports(t, `{"email":"ann@konec.test","name":"Ann","passwordHash":"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,`+
		`sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==`+
		`$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="}`+"\n").succeeds(t, 1, 0)

	if got := e.exported(t); !strings.Contains(got, hash) {
		t.Errorf("got %s", got)
	}

	setup(t).imports(t, `{"users": [
]}`).succeeds(t, 0, 0)
}

// Auth0's exports, in either order: both hold the id. Merged they hold everything.
func TestAuth0(t *testing.T) {
	t.Parallel()

	user := func(id, email, more string) string {
		return fmt.Sprintf(`{"user_id":"%s","email":"%s","email_verified":true,"name":"%[2]s","nickname":"Nick","picture":"https://s.gravatar.com/a.png",`+
			`"created_at":"2021-03-05T16:35:16.775Z","updated_at":"2021-03-06T16:35:16.775Z","identities":[{"connection":"c"}],"last_login":"2021-03-07T16:35:16.775Z","logins_count":7%s}`+"\n", id, email, more)
	}

	hash := func(id, email string) string {
		return fmt.Sprintf(`{"_id":{"$oid":"%s"},"email_verified":true,"email":"%s","passwordHash":"%s","password_set_date":{"$date":"2021-03-05T16:35:16.775Z"},`+
			`"tenant":"dev","connection":"Username-Password-Authentication","_tmp_is_unique":true}`+"\n", id, email, bcrypted)
	}

	const id = "60425dc43519d90068f82973"

	e := setup(t)
	e.imports(t, user("auth0|"+id, "a@konec.test", "")+
		user("google-oauth2|1234567", "b@konec.test", `,"blocked":true,"phone_number":"+8613800138000","phone_verified":true`)+
		user("auth0|60425dc43519d90068f82974", "c@konec.test", `,"multifactor":["guardian"]`)+
		user("auth0|60425dc43519d90068f82974", "c@konec.test", `,"multifactor":["guardian"],"otp_secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","passwordHash":"`+bcrypted+`"`)+
		user("auth0|60425dc43519d90068f82975", "d@konec.test", `,"phone_number":"+8613800138001"`)+
		strings.Replace(user("", "e@konec.test", ""), `"user_id":"",`, "", 1)+
		gatewayLine(1)).
		succeeds(t, 4, 0, "line 3: multifactor: a second factor, which the file does not hold", "line 6: user_id: missing: not a record of this format", "line 7: ")

	const tail = `"avatar":0,"picture":"https://s.gravatar.com/a.png","createdAt":"2021-03-05T16:35:16.775Z","updatedAt":"2021-03-06T16:35:16.775Z","version":0,"signIns":7,"lastSignInAt":"2021-03-07T16:35:16.775Z"`

	got := e.exports(t, everything)
	for _, want := range []string{
		`{"id":"` + id + `","email":"a@konec.test","name":"Nick","memberGroup":"None","status":"active",` + tail + "}\n",
		`"email":"b@konec.test","name":"Nick","memberGroup":"None","status":"disabled","phone":"+8613800138000",` + tail,
		`"email":"c@konec.test","name":"Nick","memberGroup":"None","status":"active","passwordHash":"` + bcrypted + `",` + tail +
			`,"totpSecret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","secondFactorSince":"2021-03-05T16:35:16.775Z"}`,
		`"email":"d@konec.test","name":"Nick","memberGroup":"None","status":"active",` + tail,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}

	// The account is there; its hash came too late.
	e.imports(t, hash(id, "a@konec.test")).succeeds(t, 0, 1)

	other := setup(t)
	other.imports(t, hash(id, "a@konec.test")).succeeds(t, 1, 0)
	other.imports(t, user("auth0|"+id, "a@konec.test", "")).succeeds(t, 0, 1)

	want := `{"id":"` + id + `","email":"a@konec.test","name":"a","memberGroup":"None","status":"active","passwordHash":"` + bcrypted +
		`","avatar":0,"createdAt":"2021-03-05T16:35:16.000Z","updatedAt":"2021-03-05T16:35:16.000Z","version":0,"signIns":0}` + "\n"
	if got := other.exports(t, everything); got != want {
		t.Errorf("got  %swant %s", got, want)
	}

	// What is not known to be confirmed is not.
	for _, verified := range []string{`"email_verified":false,`, ``, `"email_verified":null,`} {
		e := setup(t)
		e.imports(t, strings.Replace(hash(id, "a@konec.test"), `"email_verified":true,`, verified, 1)).succeeds(t, 1, 0, "line 1: email_verified: the address was never confirmed")

		if got := e.exports(t, everything); strings.Contains(got, bcrypted) {
			t.Errorf("%s: got %s", verified, got)
		}
	}
}

// keycloakFile is a realm export: users are one of many members, and some are as long as the whole file of others.
func keycloakFile(users string) string {
	roles := strings.Repeat(`{"id":"x","name":"r\"]}","attributes":{"users":[{"email":"role@konec.test"}]}},`, 2000)

	return `{
  "id" : "master", "realm" : "konec", "notBefore" : 0, "enabled" : true, "accessTokenLifespan": 300.5e0,
  "roles" : { "realm" : [ ` + strings.TrimSuffix(roles, ",") + ` ], "users" : [ { "username" : "no", "email" : "inner@konec.test" } ] },
  "users" : [ ` + users + ` ],
  "clients" : [ { "users" : [ { "email" : "client@konec.test" } ] } ], "keycloakVersion" : "26.0"
}
`
}

func keycloakUser(name, more string) string {
	return fmt.Sprintf(`{
    "id" : "0a6ab9f1-3ad6-4a52-9a5e-2a1d3c4b5e6f", "username" : "%s", "firstName" : "Ann", "lastName" : "Lee", "email" : "%[1]s@konec.test", "emailVerified" : true,
    "createdTimestamp" : 1600000000456, "enabled" : true, "totp" : false, "groups" : [ "/Admin" ], "realmRoles" : [ "admin" ]%[2]s }`, name, more)
}

func credential(kind, secret, data string) string {
	quote := func(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

	return `{ "id" : "c", "type" : "` + kind + `", "createdDate" : 1600000001000, "secretData" : ` + quote(secret) + `, "credentialData" : ` + quote(data) + ` }`
}

func credentials(list ...string) string {
	return `, "credentials" : [ ` + strings.Join(list, ", ") + ` ]`
}

// Keycloak's export of a realm: passwords and authenticator apps; no second factor is lost in silence.
func TestKeycloak(t *testing.T) {
	t.Parallel()

	const (
		salt = "MDEyMzQ1Njc4OWFiY2RlZg=="
		key  = "yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplLYbawB4lwjdPCI3Ns1d3pRT9/+PGa1sFXN8qwjZx9S8g=="
		totp = `{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1"}`
	)

	secret := `{"value":"` + key + `","salt":"` + salt + `","additionalParameters":{}}`
	hashed := func(algorithm string) string {
		return credential("password", secret, `{"hashIterations":27500,"algorithm":"`+algorithm+`","additionalParameters":{}}`)
	}
	argon := credential("password", `{"value":"a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U=","salt":"`+salt+`","additionalParameters":{}}`,
		`{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}`)
	otp := credential("otp", `{"value":"12345678901234567890"}`, totp)

	users := []string{
		keycloakUser("a", credentials(hashed("pbkdf2-sha256"))),
		keycloakUser("b", credentials(hashed("pbkdf2-sha512"), otp)),
		keycloakUser("c", credentials(argon, credential("otp", `{"value":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, strings.Replace(totp, "}", `,"secretEncoding":"BASE32"}`, 1)))),
		strings.Replace(keycloakUser("d", ""), `"enabled" : true`, `"enabled" : false`, 1),
		strings.Replace(strings.Replace(keycloakUser("e", ""), `"Ann"`, `null`, 1), `"Lee"`, `""`, 1),
		keycloakUser("f", credentials(hashed("pbkdf2"))),
		keycloakUser("g", credentials(argon, credential("otp", `{"value":"x"}`, strings.Replace(totp, `"digits":6`, `"digits":8`, 1)))),
		keycloakUser("h", credentials(argon, credential("webauthn", `{}`, `{}`))),
		keycloakUser("i", credentials(argon, credential("webauthn-passwordless", `{}`, `{}`))),
		keycloakUser("j", credentials(argon)+`, "requiredActions" : [ "UPDATE_PASSWORD" ]`),
		strings.Replace(keycloakUser("k", credentials(argon, otp)), `"emailVerified" : true`, `"emailVerified" : false`, 1),
		keycloakUser("service-account-x", `, "serviceAccountClientId" : "x"`),
		strings.Replace(keycloakUser("l", ""), `"email" : "l@konec.test", `, "", 1),
		strings.Replace(keycloakUser("m", ""), `"enabled" : true, `, "", 1),
		keycloakUser("n", credentials(`{ "type" : "password", "hashedSaltedValue" : "x", "salt" : "y", "algorithm" : "pbkdf2" }`)),
	}

	e := setup(t)
	o := e.imports(t, keycloakFile(strings.Join(users, ", ")))
	o.succeeds(t, 8, 0,
		`line 14, record 6: credentials: a password hash of "pbkdf2", which is not accepted`, "line 16, record 7: credentials: an authenticator app of another kind",
		"line 18, record 8: credentials: a security key as second factor", "line 20, record 9: credentials: a passkey", "line 22, record 10: requiredActions: the password was to be changed",
		"record 11: emailVerified: the address was never confirmed", "record 12: serviceAccountClientId: the account of a client", "record 13: email: missing",
		"record 14: enabled: missing", "record 15: credentials: without secretData")

	ab := strings.NewReplacer("+", ".", "=", "").Replace(salt + "$" + key)
	got := e.exports(t, everything)

	for _, want := range []string{
		`"email":"a@konec.test","name":"Ann Lee","memberGroup":"None","status":"active","passwordHash":"$pbkdf2-sha256$27500$` + ab + `","avatar":0,"createdAt":"2020-09-13T12:26:40.456Z",`,
		`"email":"b@konec.test","name":"Ann Lee","memberGroup":"None","status":"active","passwordHash":"$pbkdf2-sha512$27500$` + ab + `","avatar":0,"createdAt":"2020-09-13T12:26:40.456Z",` +
			`"updatedAt":"2020-09-13T12:26:40.456Z","version":0,"signIns":0,"totpSecret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","secondFactorSince":"2020-09-13T12:26:41.000Z"}`,
		`"email":"c@konec.test","name":"Ann Lee","memberGroup":"None","status":"active","passwordHash":"$argon2id$v=19$m=7168,t=5,p=1$MDEyMzQ1Njc4OWFiY2RlZg$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U",`,
		`"email":"d@konec.test","name":"Ann Lee","memberGroup":"None","status":"disabled","avatar":0,`,
		`"email":"e@konec.test","name":"e","memberGroup":"None","status":"active","avatar":0,`,
		`"email":"i@konec.test","name":"Ann Lee","memberGroup":"None","status":"active","passwordHash":"$argon2id$`,
		`"email":"j@konec.test","name":"Ann Lee","memberGroup":"None","status":"active","avatar":0,`,
		`"email":"k@konec.test","name":"Ann Lee","memberGroup":"None","status":"active","avatar":0,`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}

	if strings.Count(got, `"totpSecret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"`) != 2 {
		t.Errorf("got %s", got)
	}

	// A list of users, as kcadm.sh get users prints it, has no credentials.
	setup(t).imports(t, "["+users[3]+","+users[4]+"]").succeeds(t, 2, 0)

	// The console's partial export has no users.
	for _, text := range []string{strings.Replace(keycloakFile(""), `"users" : [  ],`, "", 1), `{"realm":"konec"}`} {
		setup(t).imports(t, text).succeeds(t, 0, 0, "an export of a realm without users: write one with bin/kc.sh export --users realm_file")
	}
}
