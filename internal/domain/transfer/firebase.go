package transfer

import "github.com/go-json-experiment/json"

// firebaseDocument is a user as firebase auth:export writes one. Second factors are not in its files.
type firebaseDocument struct {
	ID        string  `json:"localId"`
	Email     string  `json:"email"`
	Verified  *bool   `json:"emailVerified"`
	Hash      string  `json:"passwordHash"`
	Salt      string  `json:"salt"`
	Name      string  `json:"displayName"`
	Picture   string  `json:"photoUrl"`
	Phone     string  `json:"phoneNumber"`
	Disabled  bool    `json:"disabled"`
	CreatedAt *millis `json:"createdAt"`
	SignedIn  *millis `json:"lastSignedInAt"`
}

var firebaseNames = map[string]string{
	"id": "localId", "name": "displayName", "picture": "photoUrl", "phone": "phoneNumber", "lastSignInAt": "lastSignedInAt", "status": "disabled",
}

func (o Options) readFirebase(text []byte) (r Record, err error) {
	var d firebaseDocument
	if err := json.Unmarshal(text, &d); err != nil {
		return r, err
	}

	if d.ID == "" {
		return r, foreign("id", Firebase)
	}

	r = Record{
		Email: d.Email, Name: d.Name, Picture: d.Picture, Phone: d.Phone, Status: "active",
		CreatedAt: d.CreatedAt.orZero(), LastSignInAt: d.SignedIn.orZero(),
	}

	if d.Disabled {
		r.Status = "disabled"
	}

	if d.Hash != "" && !o.WithoutPasswords {
		if o.Firebase == nil {
			return r, flaw{"passwordHash", "a hash of Firebase, which needs the hash parameters of the project: save what the console shows under " +
				"Authentication, Password hash parameters, and name the file with --firebase-hash-config; or import --without-passwords"}
		}

		r.PasswordHash = o.Firebase.Hash(d.Hash, d.Salt)
	}

	o.admit(&r, d.Verified, "emailVerified")

	return r, nil
}
