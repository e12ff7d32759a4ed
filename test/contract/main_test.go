package contract_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate, everythingWasSeen) }

// everythingWasSeen fails after tests in which no successful call had some parameter or member of the document. What no call
// has ever had may have no effect, or never be sent (CON-D1, A1 row 21).
func everythingWasSeen() error {
	if unseen := apptest.Unseen(); len(unseen) > 0 {
		return fmt.Errorf("no successful call of this package had these parameters and members of the document:\n%s", strings.Join(unseen, "\n"))
	}

	return nil
}
