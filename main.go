// Toolkit Gateway is the account-authentication gateway of the Toolkit apps.
package main

import (
	"os"

	"github.com/konec/toolkit-gateway/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Environ())) }
