package replay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
)

// CheckFiles implements setting.FileChecker: it reads the recording as far as its header row.
func (s *Settings) CheckFiles(problem, _ setting.Problem) {
	if s.File == "" || len(s.Separator) != 1 {
		return // Check has said so
	}
	if err := s.probe(); err != nil {
		problem("file", "%s: %v", s.File, err)
	}
}

// probe says why the file is no recording, as Run would.
func (s *Settings) probe() error {
	f, err := os.Open(s.File)
	if err != nil {
		return fmt.Errorf("open the recording: %w%s", err, hint(err))
	}
	defer f.Close() //nolint:errcheck // nothing was written
	dec, err := newDecoder(drivers.Device{}, s)
	if err != nil {
		return err
	}
	ignore := func(drivers.Report) {}
	rows := bufio.NewReaderSize(io.LimitReader(f, 2*maxRow), maxRow)
	for dec.header == nil && dec.err == nil {
		row, err := rows.ReadSlice('\n')
		dec.Decode(row, ignore)
		switch {
		case err == nil:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("line %d: the row is longer than %d bytes; a recording begins with a header row", dec.line, maxRow)
		case !errors.Is(err, io.EOF):
			return fmt.Errorf("read the recording: %w", err)
		}
		dec.Flush(ignore)
		break
	}
	return dec.err
}
