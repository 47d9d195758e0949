package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"fieldpost/journal"
)

func openState(t *testing.T, path string) (*journal.State, *journal.Damage) {
	t.Helper()
	s, damage, err := journal.OpenState(path, binding)
	check(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s, damage
}

func contents(t *testing.T, s *journal.State, prefix string) map[string]string {
	t.Helper()
	out := map[string]string{}
	last := ""
	check(t, s.Each(prefix, func(k string, v []byte) error {
		if k <= last && last != "" || !strings.HasPrefix(k, prefix) {
			t.Errorf("key %q after %q", k, last)
		}
		last = k
		out[k] = string(v)
		got, err := s.Get(k) // f may look after all: it runs on copies
		if err != nil || !bytes.Equal(got, v) {
			t.Errorf("get %q: %q, %v; want %q", k, got, err, v)
		}
		return nil
	}))
	return out
}

func TestState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "state.db")
	s, damage := openState(t, path)
	if damage != nil {
		t.Error(damage)
	}
	if v, err := s.Get("a"); v != nil || err != nil || len(contents(t, s, "")) != 0 {
		t.Errorf("%q, %v", v, err)
	}
	model := map[string]string{}
	r := rand.New(rand.NewPCG(1, 1))
	for round := range 40 {
		puts := map[string][]byte{}
		for range r.IntN(5) {
			k := fmt.Sprintf("%c/%d", 'a'+r.IntN(3), r.IntN(10))
			if r.IntN(4) == 0 {
				puts[k] = nil
				delete(model, k)
			} else {
				puts[k] = payload(uint64(round), 1, r.IntN(3000))
				model[k] = string(puts[k])
			}
		}
		check(t, s.Update(puts))
		if round%10 == 9 {
			check(t, s.Close())
			if s, damage = openState(t, path); damage != nil {
				t.Fatal(damage)
			}
		}
		if got := contents(t, s, ""); !maps.Equal(got, model) {
			t.Fatalf("round %d: %d keys, want %d", round, len(got), len(model))
		}
	}
	maps.DeleteFunc(model, func(k, _ string) bool { return !strings.HasPrefix(k, "b/") })
	if got := contents(t, s, "b/"); !maps.Equal(got, model) {
		t.Errorf("with a prefix: %v", slices.Sorted(maps.Keys(got)))
	}
	// An empty value is a value.
	check(t, s.Update(map[string][]byte{"empty": {}}))
	if v, err := s.Get("empty"); v == nil || len(v) != 0 || err != nil {
		t.Errorf("%v, %v", v, err)
	}
	if err := s.Update(map[string][]byte{"": {1}, "x": {1}}); err == nil {
		t.Error("took an empty key")
	}
	if v, _ := s.Get("x"); v != nil {
		t.Error("half an update")
	}
	n := 0
	check(t, s.Each("", func(string, []byte) error { n++; return journal.ErrStop }))
	if n != 1 {
		t.Errorf("%d calls", n)
	}

	if _, _, err := journal.OpenState(path, binding); !errors.Is(err, journal.ErrHeld) {
		t.Errorf("second open: %v", err)
	}
	check(t, s.Close())
	if _, _, err := journal.OpenState(path, "other"); !errors.Is(err, journal.ErrBinding) {
		t.Errorf("other binding: %v", err)
	}
	if _, err := s.Get("a"); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("get after close: %v", err)
	}
	if err := s.Update(map[string][]byte{"a": nil}); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("update after close: %v", err)
	}
}

func TestStateDamage(t *testing.T) {
	for _, h := range harms {
		if h.name == "gone" || h.name == "a bad byte in the newest data" {
			continue
		}
		t.Run(h.name, func(t *testing.T) {
			path := filepath.Join(tempDir(t), "state.db")
			s, _ := openState(t, path)
			for i := range 300 {
				check(t, s.Update(map[string][]byte{fmt.Sprint(i): payload(uint64(i), 1, 100)}))
			}
			check(t, s.Close())
			h.do(t, path)
			s, damage := openState(t, path)
			if damage == nil || damage.Cause == nil || damage.Path != path+".damaged-1" {
				t.Fatalf("damage %+v", damage)
			}
			if _, err := os.Lstat(damage.Path); err != nil {
				t.Error(err)
			}
			if got := contents(t, s, ""); len(got) != 0 {
				t.Errorf("%d keys after it was begun anew", len(got))
			}
			check(t, s.Update(map[string][]byte{"a": {1}}))
			check(t, s.Close())
			s, damage = openState(t, path)
			if v, err := s.Get("a"); damage != nil || err != nil || !bytes.Equal(v, []byte{1}) {
				t.Errorf("%v, %v, %v", damage, v, err)
			}
		})
	}
}

func TestStateConcurrent(t *testing.T) {
	s, _ := openState(t, filepath.Join(tempDir(t), "state.db"))
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 30 {
				k := fmt.Sprint(g)
				if err := s.Update(map[string][]byte{k: {byte(i)}}); err != nil {
					t.Error(err)
				}
				if v, err := s.Get(k); err != nil || len(v) != 1 || v[0] != byte(i) {
					t.Errorf("%v, %v", v, err)
				}
			}
		})
	}
	wg.Wait()
}

// A full disk leaves the state as it was, and it goes on, without being opened again, when there is room.
func TestStateFullDisk(t *testing.T) {
	dir := smallDisk(t)
	s, _ := openState(t, filepath.Join(dir, "state.db"))
	model := map[string]string{}
	var err error
	for i := 0; err == nil; i++ {
		k, v := fmt.Sprint(i), payload(uint64(i), 1, 20000)
		if i == 10 {
			check(t, os.WriteFile(filepath.Join(dir, "hog"), make([]byte, 1<<20), 0o600))
		}
		if err = s.Update(map[string][]byte{k: v}); err == nil {
			model[k] = string(v)
		}
	}
	if !errors.Is(err, syscall.ENOSPC) || len(model) < 10 {
		t.Fatalf("after %d: %v", len(model), err)
	}
	if got := contents(t, s, ""); !maps.Equal(got, model) {
		t.Errorf("%d keys, want %d", len(got), len(model))
	}
	check(t, os.Remove(filepath.Join(dir, "hog")))
	check(t, s.Update(map[string][]byte{"0": nil, "small": {1}}))
	delete(model, "0")
	model["small"] = "\x01"
	if got := contents(t, s, ""); !maps.Equal(got, model) {
		t.Errorf("%d keys, want %d", len(got), len(model))
	}
}
