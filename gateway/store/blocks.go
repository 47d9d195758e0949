package store

import (
	"context"
	"errors"
	"time"

	"fieldpost/journal"
)

const (
	// blocksEvery is how often it is looked whether blocks are to be made.
	blocksEvery = 2 * time.Second
	// blocksShare is what part of max_size is for blocks.
	blocksShare = 4
)

// makeBlocks keeps readings by series until ctx ends (see history.Reader.Transpose). Whatever goes wrong costs speed only.
func (s *Store) makeBlocks(ctx context.Context) {
	tick := time.NewTicker(blocksEvery)
	defer tick.Stop()
	ailing := false
	for {
		did, err := s.transpose(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, journal.ErrClosed) && !ailing {
			s.log.Warn("readings cannot be kept by series; questions over long times are slow, and it is tried again", "err", err)
		}
		ailing = err != nil
		if did {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Store) transpose(ctx context.Context) (did bool, err error) {
	d, err := s.readers()
	if err != nil {
		return false, err
	}
	return d.reader.Transpose(ctx, func(bytes int64, end uint64) bool { return s.blocksFit(d, bytes, end) })
}

// blocksFit reports whether there is room for blocks of bytes, of what ends before end. It drops older ones for them.
func (s *Store) blocksFit(d *disk, bytes int64, end uint64) bool {
	free, err := s.free()
	if err != nil || free < bytes+4*s.reserve { // room is for records first
		return false
	}
	limit := int64(s.retention.MaxSize) / blocksShare
	for limit > 0 && blockSize(d)+bytes > limit {
		if oldest := d.reader.OldestBlock(); oldest == 0 || oldest >= end || !d.reader.DropOldestBlock() {
			return false
		}
	}
	return true
}

func blockSize(d *disk) int64 {
	n, _ := d.reader.Blocks()
	return n
}
