package main

import (
	"embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"fieldpost/drivers/emulate/recordings"
)

// files are such as a user would write. $NAME stands for what is known at the start only.
//
//go:embed files
var files embed.FS

// write puts files, with the values in their places, into the demo's folder.
func (d *demo) write(values map[string]string, names ...string) error {
	values["$"] = "$" // $$ is one
	for _, name := range names {
		text, err := files.ReadFile(path.Join("files", name))
		if err != nil {
			return err
		}
		filled := os.Expand(string(text), func(name string) string { return values[name] })
		if err := d.put(name, filled); err != nil {
			return err
		}
	}
	return nil
}

// writeEdge writes the files of one edge.
func (d *demo) writeEdge(node string, devices []string, values map[string]string) error {
	names := []string{path.Join(node, "edge.yaml")}
	for _, device := range devices {
		names = append(names, path.Join(node, "devices", device+".yaml"))
	}
	return d.write(values, names...)
}

// writeRecording writes what the office plays.
func (d *demo) writeRecording() error { return d.put("recordings/occupancy.csv", recordings.Office()) }

// put writes one file into the demo's folder.
func (d *demo) put(name, text string) error {
	to := d.path(name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("write the demo's files: %w", err)
	}
	if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the demo's files: %w", err)
	}
	return nil
}

// quoted returns s as a string in YAML, whatever is in it.
func quoted(s string) string { return strconv.Quote(s) }
