package password

import (
	"errors"
	"strings"
	"testing"
)

// foreignHashes are of one password, made by Python's hashlib in the forms of passlib, Werkzeug, Django and PHC.
var foreignHashes = map[string]string{
	"PHCScrypt":       "$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$0Pz6RuN9WCY6OfE3FYH5Myx0JqvNjul84VbFyWLBf4g",
	"WerkzeugScrypt":  "scrypt:1024:8:1$saltsalt$2448aadf54e80d754b7a4a0f8826173bb78b80205e60a1d9d6e96061b10461c6bd2d33e792bde2db6990eff8be325c36b2cc23bc3773caf154a6a340574f1c27",
	"Passlib256":      "$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES.wqLsOT5YmiRBplI",
	"Passlib512":      "$pbkdf2-sha512$1000$MDEyMzQ1Njc4OWFiY2RlZg$5bTW2oeyDJyGJPcmEr.mRDE11ghpozWrDGnSNhRXo2ZCu0KHRDiUMAVEGzLJC.oDhRoeIja9J1iLIv9ptDJMfQ",
	"PHCPBKDF2":       "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI",
	"WerkzeugSHA256":  "pbkdf2:sha256:1000$saltsalt$cf34d5364a5d9c3b1059996837fccff2f514ef80426c70ffb434974b8cd73d2b",
	"WerkzeugSHA512":  "pbkdf2:sha512:1000$saltsalt$d4fa6749a5a34fb2668c9dbee9aaf132651ca225fb62c949fc022c4aeb3cfead273b0fd6cd8ad2dc635e9bb561482869f0b295e6a8cf65cd817cd581ba056939",
	"DjangoScrypt":    "scrypt$16384$cVmyWpxOuyHGzj6r7NMYIU$8$5$NYM2I9oiYo+BJZBVjBXUtEPJQFNTOLq1W9qWsHC4+AKYEh94tn48XYDUeVef7vcGxjNK28M+nxC7T/c0Z+58zg==",
	"PasslibScrypt":   "$scrypt$ln=4,r=8,p=1$9r5XSuk951zL2RvDmFOKEQ$GCtL0eoMvK37QwNpt6ip2TN98iD1kMqVUHh2vZb6hms",
	"DjangoPBKDF2256": "pbkdf2_sha256$1000$saltsalt$zzTVNkpdnDsQWZloN/zP8vUU74BCbHD/tDSXS4zXPSs=",
}

// wrappedHashes are of the same password, by Django 5.2 and passlib 1.7.4 themselves (IN-K4).
var wrappedHashes = map[string]string{
	"DjangoArgon2":          "argon2$argon2id$v=19$m=102400,t=2,p=8$S3NQQlJPcnF2aVA2NE1SSThOeEk3OA$nVuYRvGqdI+mrOdgrt8lrNHMBqnK5iauzybxbFoB3ns",
	"DjangoBcrypt":          "bcrypt$$2b$12$TVgiWu1fOPprTlL8svDyYO/nIlNsIw0PuNnknvsljAIAgfdkiY1UW",
	"DjangoBcryptSHA256":    "bcrypt_sha256$$2b$12$7DoOJRT8cW3dwGTUziibA.6nuFohJuonJlsEO4YN.N0KEZhXBIVp6",
	"PasslibBcryptSHA256v2": "$bcrypt-sha256$v=2,t=2b,r=5$/qZijvWF5ZZpOlLgh53uou$kgohKke3OEkHg9ONPlQ5pEPLdR2kmXu",
	"PasslibBcryptSHA256v1": "$bcrypt-sha256$2b,5$HucgLv/O0ksJNMPOaPzLle$bi6xAzEk2o5vM5ya8Ue5I8jTNVIJpOa",
}

func TestWrappedHashes(t *testing.T) {
	t.Parallel()

	for name, stored := range wrappedHashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if err := Verifiable(stored); err != nil {
				t.Error(err)
			}

			if match, _, err := Standard.verify(stored, "correct horse battery staple"); !match || err != nil {
				t.Errorf("match %t, %v", match, err)
			}

			if match, _, err := Standard.verify(stored, "correct horse battery stapler"); match || err != nil {
				t.Errorf("another password: match %t, %v", match, err)
			}

			if scheme := Scheme(stored); !strings.Contains(strings.ToLower(name), scheme[:6]) {
				t.Errorf("scheme %q", scheme)
			}
		})
	}

	// What is inside has the same limits.
	for _, stored := range []string{
		"bcrypt$$2b$13$TVgiWu1fOPprTlL8svDyYO/nIlNsIw0PuNnknvsljAIAgfdkiY1UW", "$bcrypt-sha256$v=2,t=2b,r=13$/qZijvWF5ZZpOlLgh53uou$kgohKke3OEkHg9ONPlQ5pEPLdR2kmXu",
		"argon2$argon2id$v=19$m=9999999,t=2,p=8$S3NQQlJPcnF2aVA2NE1SSThOeEk3OA$nVuYRvGqdI+mrOdgrt8lrNHMBqnK5iauzybxbFoB3ns",
	} {
		if err := Verifiable(stored); !errors.Is(err, ErrCostly) {
			t.Errorf("%s: %v", stored, err)
		}
	}

	for _, stored := range []string{
		"bcrypt$bcrypt$$2b$04$TVgiWu1fOPprTlL8svDyYO/nIlNsIw0PuNnknvsljAIAgfdkiY1UW", "argon2$argon2i$v=19$m=102400,t=2,p=8$S3NQQlJPcnF2aVA2NE1SSThOeEk3OA$nVuYRvGq",
		"bcrypt_sha256$", "$bcrypt-sha256$v=3,t=2b,r=5$/qZijvWF5ZZpOlLgh53uou$kgohKke3OEkHg9ONPlQ5pEPLdR2kmXu", "argon2$", "bcrypt$",
	} {
		if err := Verifiable(stored); err == nil {
			t.Errorf("%s is verifiable", stored)
		}
	}
}

// R-A7: hashes of other systems are verified, and then renewed.
func TestForeignHashes(t *testing.T) {
	t.Parallel()

	for name, stored := range foreignHashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if match, stale, err := Standard.verify(stored, "correct horse battery staple"); !match || !stale || err != nil {
				t.Errorf("match %t, stale %t, %v", match, stale, err)
			}

			if match, stale, err := Standard.verify(stored, "correct horse battery stapler"); match || stale || err != nil {
				t.Errorf("another password: match %t, stale %t, %v", match, stale, err)
			}

			if err := Verifiable(stored); err != nil {
				t.Error("not verifiable")
			}

			want := "pbkdf2"
			if strings.HasSuffix(name, "Scrypt") {
				want = "scrypt"
			}

			if scheme := Scheme(stored); scheme != want {
				t.Errorf("scheme %q", scheme)
			}
		})
	}
}

// R-A7: the limits are checked before the work.
func TestHostileForeignHashCostsNothing(t *testing.T) {
	t.Parallel()

	const salt, key = "MDEyMzQ1Njc4OWFiY2RlZg", "0Pz6RuN9WCY6OfE3FYH5Myx0JqvNjul84VbFyWLBf4g"

	hexKey := strings.Repeat("ab", 32)

	for _, stored := range []string{
		"$scrypt$ln=21,r=8,p=1$" + salt + "$" + key, "$scrypt$ln=99,r=1,p=1$" + salt + "$" + key, "$scrypt$ln=20,r=8,p=2$" + salt + "$" + key,
		"$scrypt$ln=0,r=8,p=1$" + salt + "$" + key, "$scrypt$ln=4,r=0,p=1$" + salt + "$" + key, "$scrypt$ln=4,r=8,p=0$" + salt + "$" + key,
		"$scrypt$ln=4,r=9999,p=99$" + salt + "$" + key, "$scrypt$ln=4,r=8,p=1$$" + key, "$scrypt$ln=4,r=8,p=1$" + salt + "$", "$scrypt$ln=4,r=8,p=1",
		"$scrypt$ln=4,r=8,p=1$" + salt + "$" + strings.Repeat("A", 1<<20), "$scrypt$ln=-4,r=8,p=1$" + salt + "$" + key,
		"scrypt:1000:8:1$saltsalt$" + hexKey, "scrypt:999999999:8:1$saltsalt$" + hexKey, "scrypt:1024:8:1$saltsalt$" + hexKey + "a", "scrypt:",
		"scrypt:1024:8:1$salt\x00salt$" + hexKey, "$pbkdf2-sha256$5000001$" + salt + "$" + key, "$pbkdf2-sha256$999999999999$" + salt + "$" + key,
		"$pbkdf2-sha256$0$" + salt + "$" + key, "$pbkdf2-sha1$1000$" + salt + "$" + key, "$pbkdf2-md5$1000$" + salt + "$" + key, "$pbkdf2-", "pbkdf2:",
		"pbkdf2:sha256:5000001$saltsalt$" + hexKey, "pbkdf2:sha1:1000$saltsalt$" + hexKey, "pbkdf2_sha256$5000001$saltsalt$" + key + "=", "pbkdf2_sha1$1$saltsalt$x",
	} {
		if match, _, err := Standard.verify(stored, "x"); match || !errors.Is(err, errStored) || Verifiable(stored) == nil {
			t.Errorf("%.80q: match %t, %v", stored, match, err)
		}
	}
}

// Every hash that an account may have can be verified.
func TestVerifiable(t *testing.T) {
	t.Parallel()

	good := []string{
		"$2a$10$abcdefghijklmnopqrstuu5Xn1XjHfQcGmTMgBKkWhXvJnXWJDhba", "$2b$12$abcdefghijklmnopqrstuu5Xn1XjHfQcGmTMgBKkWhXvJnXWJDhba",
		hashOf(t, weak, "a password"), hashOf(t, Standard, "a password"),
	}
	bad := append(hostile(), "", "$2b$13$abcdefghijklmnopqrstuu5Xn1XjHfQcGmTMgBKkWhXvJnXWJDhba", "$2x$10$abcdefghijklmnopqrstuu5Xn1XjHfQcGmTMgBKkWhXvJnXWJDhba",
		"$2b$10$short", "$1$salt$hash", "5f4dcc3b5aa765d61d8327deb882cf99", good[0]+" ", "secret")

	for _, stored := range good {
		if err := Verifiable(stored); err != nil {
			t.Errorf("%.80q is not", stored)
		}
	}

	for _, stored := range bad {
		if Verifiable(stored) == nil {
			t.Errorf("%.80q is", stored)
		}
	}
}
