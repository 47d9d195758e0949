package catalogue_test

import (
	"reflect"
	"slices"
	"testing"

	"fieldpost/drivers/catalogue"
)

func TestKinds(t *testing.T) {
	names := catalogue.Names()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names %q are not in order, or not each once", names)
	}
	for _, k := range catalogue.Kinds() {
		found, ok := catalogue.Find(k.Name)
		if !ok || found.Name != k.Name {
			t.Errorf("Find(%q): %q, %v", k.Name, found.Name, ok)
		}
		if k.New == nil {
			t.Errorf("%s has no New", k.Name)
		}
		if s := reflect.TypeOf(k.Settings()); s.Kind() != reflect.Pointer || s.Elem().Kind() != reflect.Struct {
			t.Errorf("%s: settings are %v; want a pointer to a struct", k.Name, s)
		}
		if k.Settings() == k.Settings() {
			t.Errorf("%s: settings are shared", k.Name)
		}
		if k.Address == nil {
			continue
		}
		if a := reflect.TypeOf(k.Address()); a.Kind() != reflect.Pointer || a.Elem().Kind() != reflect.Struct {
			t.Errorf("%s: an address is %v; want a pointer to a struct", k.Name, a)
		}
	}
	if _, ok := catalogue.Find("nothing"); ok {
		t.Error("Find knows what is not there")
	}
}
