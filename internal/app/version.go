package app

import "runtime/debug"

// version is set by the linker; see the Makefile.
var version string //nolint:gochecknoglobals // -ldflags -X can set nothing else

// Version returns the released version, or the commit that was built.
func Version() string {
	if version != "" {
		return version
	}

	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}

	return "dev"
}
