package pgcluster

import (
	"context"
	"errors"
	"os"
)

// Remove deletes the cluster in dir, which must be stopped, with all its data. It ends a server whose owner died. A
// missing dir is not an error.
func Remove(ctx context.Context, dir string) error {
	place, err := Place(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(place); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := acquire(ctx, place)
	if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(place), lock.Close())
}
