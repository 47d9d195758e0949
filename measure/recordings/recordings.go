// Package recordings holds published recordings of real sensors, to measure sizes on. README.md says where they come from.
package recordings

import (
	"bufio"
	"compress/gzip"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

//go:embed *.csv.gz
var files embed.FS

// Reading is one row.
type Reading struct {
	Time   int64 // ms since 1970
	Sensor string
	Value  string // as the source prints it
}

// Recording is one file.
type Recording struct {
	Name     string
	Readings []Reading
}

// All returns all recordings, by name.
func All() ([]Recording, error) {
	names, err := fs.Glob(files, "*.csv.gz")
	if err != nil {
		return nil, err
	}
	var all []Recording
	for _, n := range names {
		r, err := read(n)
		if err != nil {
			return nil, fmt.Errorf("read recording %s: %w", n, err)
		}
		all = append(all, Recording{Name: strings.TrimSuffix(path.Base(n), ".csv.gz"), Readings: r})
	}
	return all, nil
}

func read(name string) (out []Reading, err error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	rows := bufio.NewScanner(z)
	rows.Scan() // the heading
	for rows.Scan() {
		cells := strings.SplitN(rows.Text(), ",", 3)
		if len(cells) != 3 {
			return nil, fmt.Errorf("row %d has %d cells, not 3", len(out)+2, len(cells))
		}
		ms, err := strconv.ParseInt(cells[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", len(out)+2, err)
		}
		out = append(out, Reading{Time: ms, Sensor: cells[1], Value: cells[2]})
	}
	return out, rows.Err()
}
