package main

import (
	"embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
)

// files are such as a user would write. $NAME stands for what is known at the start only.
//
//go:embed files
var files embed.FS

// write puts files, with the values in their places, into the demo's folder.
func (d *demo) write(values map[string]string, names ...string) error {
	for _, name := range names {
		text, err := files.ReadFile(path.Join("files", name))
		if err != nil {
			return err
		}
		to := d.path(name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return fmt.Errorf("write the demo's files: %w", err)
		}
		filled := os.Expand(string(text), func(name string) string { return values[name] })
		if err := os.WriteFile(to, []byte(filled), 0o600); err != nil {
			return fmt.Errorf("write the demo's files: %w", err)
		}
	}
	return nil
}

// quoted returns s as a string in YAML, whatever is in it.
func quoted(s string) string { return strconv.Quote(s) }
