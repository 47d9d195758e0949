package schema_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"fieldpost/configs/schema/generator"
)

var update = flag.Bool("update", false, "write schemas and configuration page anew; read the difference before it is committed")

// root is this module's folder.
const root = "../.."

func forms(t *testing.T) *generator.Forms {
	t.Helper()
	f, err := generator.Read("fieldpost", os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What is committed is what the structs and their comments say.
func TestSchemas(t *testing.T) {
	made, err := forms(t).Schemas()
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range made {
		compare(t, file, text)
	}
}

func compare(t *testing.T, file string, made []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, made, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, made) {
		t.Errorf("%s is not what the settings structs say; run go test ./configs/schema -update", filepath.Base(file))
	}
}

// The configuration page is what the structs, their comments and its template say.
func TestPage(t *testing.T) {
	made, err := forms(t).Page(os.DirFS(root + "/configs/examples"))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, root+"/docs/configuration.md", made)
}
