package recent_test

import (
	"fmt"
	"sync"
	"testing"

	"fieldpost/history/recent"
)

func TestTheLeastUsedMakesRoom(t *testing.T) {
	c := recent.New[string](10, func(s string) int { return len(s) })
	want := func(there ...string) {
		t.Helper()
		for _, key := range []string{"a", "b", "c", "d"} {
			has := false
			for _, k := range there {
				has = has || k == key
			}
			if got := c.Get(key); (got != "") != has {
				t.Errorf("%s is %q, want it there: %v", key, got, has)
			}
		}
	}
	want()
	c.Put("a", "aaaa")
	c.Put("b", "bbbb")
	want("a", "b")
	c.Put("a", "another") // there already
	if got := c.Get("a"); got != "aaaa" {
		t.Errorf("a became %q", got)
	}
	c.Put("c", "cccc") // b was used longest ago
	want("a", "c")
	c.Put("d", "dddddddddddd") // heavier than all the room: it stays alone
	want("d")
	c.Put("b", "b")
	want("b")
	c.Put("c", "ccccccccc")
	want("b", "c")
}

func TestManyAtOnce(t *testing.T) {
	c := recent.New[int](50, func(string) int { return 1 })
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 1000 {
				key := (i*7 + g) % 100
				c.Put(key, fmt.Sprint(key))
				if v := c.Get(key); v != "" && v != fmt.Sprint(key) {
					t.Errorf("%d is %q", key, v)
				}
			}
		})
	}
	wg.Wait()
}
