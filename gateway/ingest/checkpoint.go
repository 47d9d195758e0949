package ingest

import (
	"bufio"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"fieldpost/telemetry/frame/dense"
)

// The checkpoint of the chains is one file: this line, and then, deflated, for each link, most recent first: node, link, chain, each behind its length as a uvarint. The chains prove
// themselves. The file can be deleted at any time: a link whose chain is not in it has one cold frame. So it is not flushed to the disk either.
const checkpointMagic = "fieldpost chains 1\n"

const (
	checkpointEvery = time.Minute

	// checkpointBytes bounds what is written by the minute: some 250 links that were active last. All others cost a cold frame each after a crash; after an orderly stop none does.
	checkpointBytes = 16 << 20

	longestPart = 1 << 20 // of an entry
)

// KeepChains writes the chains to a file by the minute, where they have changed, and all of them when ctx ends. What cannot be written is logged: it is worth no more.
func (in *Ingest) KeepChains(ctx context.Context, file string) {
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	var written uint64
	failed := false
	for {
		most := checkpointBytes
		select {
		case <-tick.C:
		case <-ctx.Done():
			most = in.chains.bound
		}
		all, changes := in.chains.all()
		if changes != written || changes > 0 && ctx.Err() != nil { // the last time by the minute may have left some out
			err := writeChains(file, all, most)
			if err == nil {
				written = changes
			} else if !failed {
				in.log.Warn("coder states not written; each link has one larger frame after the next start", "err", err)
			}
			failed = err != nil
		}
		if ctx.Err() != nil {
			return
		}
	}
}

func writeChains(file string, all []linkChain, most int) (err error) {
	next := file + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write coder states: %w", err)
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err == nil {
			err = os.Rename(next, file)
		}
		if err != nil {
			_ = os.Remove(next)
			err = fmt.Errorf("write coder states: %w", err)
		}
	}()
	if _, err = io.WriteString(f, checkpointMagic); err != nil {
		return err
	}
	z, err := flate.NewWriter(f, flate.BestSpeed)
	if err != nil {
		return err
	}
	var b []byte
	for _, l := range all {
		if most -= l.size; most < 0 {
			break
		}
		chain, err := l.chain.AppendBinary(nil)
		if err != nil {
			return err
		}
		b = b[:0]
		for _, part := range [...]string{l.key.node, l.key.link, string(chain)} {
			b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
		}
		if _, err := z.Write(b); err != nil {
			return err
		}
	}
	return z.Close()
}

// LoadChains reads what KeepChains wrote; it is called before anything is received. What cannot be read is left out.
func (in *Ingest) LoadChains(file string) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		defer f.Close()
		err = in.readChains(f)
	}
	if err != nil {
		in.log.Warn("coder states not read, or not all; each link without them has one larger frame", "file", file, "err", err)
	}
}

func (in *Ingest) readChains(f io.Reader) error {
	magic := make([]byte, len(checkpointMagic))
	if _, err := io.ReadFull(f, magic); err != nil || string(magic) != checkpointMagic {
		return errors.New("not a file of coder states of this version")
	}
	r := bufio.NewReader(io.LimitReader(flate.NewReader(f), 2*int64(in.chains.bound)))
	var all []linkChain
	defer func() {
		for _, l := range slices.Backward(all) { // the most recent comes last
			in.chains.put(l.key, 0, l.chain)
		}
	}()
	for {
		var parts [3][]byte
		for i := range parts {
			n, err := binary.ReadUvarint(r)
			if i == 0 && errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil && n > longestPart {
				err = fmt.Errorf("a part of %d bytes", n)
			}
			if err == nil {
				parts[i] = make([]byte, n)
				_, err = io.ReadFull(r, parts[i])
			}
			if err != nil {
				return err
			}
		}
		chain, err := dense.ParseChain(parts[2])
		if err != nil {
			return err
		}
		all = append(all, linkChain{key: linkKey{string(parts[0]), string(parts[1])}, chain: chain})
	}
}
