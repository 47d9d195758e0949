package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// diskSize is that of the small disks, in MiB: more than a gateway keeps free, and enough for a schedule.
const diskSize = 160

// mountDisks gives edge and gateway a small disk of memory each, where that can be had: mounting is root's.
func (w *world) mountDisks() {
	for _, dir := range []string{w.site.edgeDisk(), w.site.gatewayDisk()} {
		if os.MkdirAll(dir, 0o700) == nil && syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", diskSize)) == nil {
			w.disks = append(w.disks, dir)
		}
	}
}

// unmountDisks leaves what is on the disks beside them.
func (w *world) unmountDisks() {
	for _, dir := range w.disks {
		_ = copyDir(dir+"-left", dir)                // to look at where something was wrong
		_ = syscall.Unmount(dir, syscall.MNT_DETACH) // what holds it still has it
	}
	w.disks = nil
}

// fillDisk leaves no room on a disk for a while. Without small disks it does nothing.
func (w *world) fillDisk(ctx context.Context, dir string, d time.Duration) error {
	if !slices.Contains(w.disks, dir) {
		return nil
	}
	path := filepath.Join(dir, "hog")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(block)
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = pass(ctx, d)
	}
	return errors.Join(err, f.Close(), os.Remove(path))
}
