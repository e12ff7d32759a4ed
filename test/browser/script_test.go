package browser_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// picturesFolder is where the scripts store screenshots, by test. Git ignores it.
const picturesFolder = "../../.dev/pictures"

// runScript runs a script of test/browser/scripts with the addresses of the site.
func (s *browserSite) runScript(t *testing.T, script string, more map[string]any) {
	t.Helper()

	if _, err := os.Stat("../../web/node_modules/playwright-core"); err != nil {
		t.Fatal("the web workspace is not installed; `make test` installs it before it runs the tests")
	}

	trackScripts(t)

	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}

	pictures, err := filepath.Abs(filepath.Join(picturesFolder, t.Name()))
	if err != nil {
		t.Fatal(err)
	}

	pin := sha256.Sum256(s.tlsServer.TLS.Certificates[0].Leaf.RawSubjectPublicKeyInfo)
	about := map[string]any{
		"hosts": []string{gatewayHost, consoleHost, neighbourHost, attackerHost}, "gateway": s.origin(gatewayHost),
		"pin": base64.StdEncoding.EncodeToString(pin[:]), "testServer": s.scriptServer.URL,
		"cache": filepath.Join(cache, "toolkit-gateway"), "pictures": pictures,
	}

	maps.Copy(about, more)

	input, err := json.Marshal(about)
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // alone, a script takes less than one minute
	defer cancel()

	command := exec.CommandContext(ctx, "node", filepath.Join(scripts, script))
	command.Stdin = bytes.NewReader(input)

	out, err := command.CombinedOutput()
	t.Logf("%s", out)

	if err != nil {
		t.Errorf("%s: %v", script, err)
	}
}

// trackScripts opens the scripts, so that `go test` does not reuse a cached result after they have changed.
func trackScripts(t *testing.T) {
	t.Helper()

	all, err := filepath.Glob(filepath.Join(scripts, "*"))
	if err != nil {
		t.Fatal(err)
	}

	for _, one := range all {
		if _, err := os.Stat(one); err != nil {
			t.Fatal(err)
		}
	}
}

// certificate returns a self-signed certificate; the browsers receive its key.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{gatewayHost, consoleHost, neighbourHost, attackerHost},
	}

	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}

	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}

	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
