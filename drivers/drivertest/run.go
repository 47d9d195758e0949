package drivertest

import (
	"io"
	"testing"
	"time"
)

// Say lets an instrument say text.
func Say(t testing.TB, instrument io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(instrument, text); err != nil {
		t.Fatal(err)
	}
}

// Ended waits until a driver's Run has returned and returns its error.
func Ended(t testing.TB, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		t.Fatal("Run did not return")
		return nil
	}
}
