package strict

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"fieldpost/configs/setting"
)

// maxFile is the longest file that is read, in bytes. The parser needs some hundred times as much memory.
const maxFile = 1 << 20

// Load reads the file at path into the struct that into points to. A file that cannot be read is a problem at its first line.
func Load(path string, into any, options ...Option) *Document {
	data, err := readFile(path)
	if err != nil {
		d := newDocument(path)
		d.bad[""] = true
		d.Problem("", "%v", err)
		return d
	}
	return Decode(path, data, into, options...)
}

// readFile reads at most maxFile+1 bytes. The error leaves the path out: the position has it.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, readError(err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	if s, err := f.Stat(); err == nil && s.IsDir() {
		return nil, errors.New("is a folder, not a file")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, readError(err)
	}
	return data, nil
}

func readError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("no such file")
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("read: %w; let the service's user read it", err)
	}
	return fmt.Errorf("read: %w", err)
}

// ResolveFiles makes the paths of every setting.Filer relative to the folder of the document, and reports those that cannot be read. A
// setting.FileChecker looks into those that can.
func (d *Document) ResolveFiles() {
	for _, s := range d.found {
		filer, ok := s.value.(setting.Filer)
		if !ok || !d.resolve(s.path, filer.Files()) {
			continue
		}
		if c, ok := filer.(setting.FileChecker); ok {
			c.CheckFiles(d.under(s.path, d.Problem), d.under(s.path, d.Warning))
		}
	}
}

// resolve makes the paths of a section's files relative to the folder of the document. ok says whether each can be opened.
func (d *Document) resolve(section string, files []setting.File) (ok bool) {
	ok = true
	for _, f := range files {
		path := setting.Path(section, f.Path)
		if *f.Value == "" {
			continue
		}
		if !d.Readable(path) {
			ok = false
			continue
		}
		*f.Value = d.Resolve(*f.Value)
		if err := openable(*f.Value); err != nil {
			d.Problem(path, "%s: %v", *f.Value, err)
			ok = false
		}
	}
	return ok
}

// Resolve returns path as seen from the document's folder.
func (d *Document) Resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(d.file), path)
}

func openable(path string) error {
	s, err := os.Stat(path)
	if err != nil {
		return readError(err)
	}
	if !s.Mode().IsRegular() { // opening a pipe could block for ever
		return errors.New("is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return readError(err)
	}
	return f.Close()
}
