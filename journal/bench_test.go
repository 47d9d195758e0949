package journal_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"fieldpost/journal"
	"fieldpost/journal/front"
)

// written returns the bytes that this process has given to write calls so far, and those that its pages sent to the disk.
func written(b *testing.B) (calls, disk float64) {
	b.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		_, _ = fmt.Sscanf(line, "wchar: %f", &calls) // another line otherwise
		_, _ = fmt.Sscanf(line, "write_bytes: %f", &disk)
	}
	if calls == 0 {
		b.Skip("no wchar in /proc/self/io")
	}
	return calls, disk
}

// BenchmarkAppend shows what a commit costs, with a front file and without: time, bytes given to write calls, bytes that went to the disk in pages, and how
// much of the segments is payload. What is folded is in it.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ entries, size int }{{1, 200}, {1, 500}, {1, 2000}, {1, 20000}, {20, 500}, {100, 2000}} {
		for _, name := range []string{"bbolt", "front"} {
			b.Run(fmt.Sprintf("%s/%dx%dB", name, c.entries, c.size), func(b *testing.B) {
				dir := b.TempDir()
				o := journal.Options{Binding: binding}
				if name == "front" {
					f, err := front.Open(dir, binding, front.Options{})
					if err != nil {
						b.Fatal(err)
					}
					defer f.Close()
					o.Front, o.Name = f, "j"
				}
				j, _, err := journal.Open(dir, o)
				if err != nil {
					b.Fatal(err)
				}
				defer j.Close()
				data := payload(1, 1, c.size)
				es := make([]journal.Entry, c.entries)
				callsBefore, diskBefore := written(b)
				for b.Loop() {
					for i := range es {
						es[i] = journal.Entry{Count: 100, Data: data}
					}
					if err := j.Append(es...); err != nil {
						b.Fatal(err)
					}
				}
				calls, disk := written(b)
				bytes, _ := j.Written()
				b.ReportMetric((calls-callsBefore)/float64(b.N), "B/commit")
				b.ReportMetric((disk-diskBefore)/float64(b.N), "diskB/commit")
				b.ReportMetric((calls-callsBefore)/float64(bytes), "written/data")
				b.ReportMetric(float64(j.Size())/float64(bytes), "disk/data")
			})
		}
	}
}

// BenchmarkAppendParallel shows what the group commit gives to many callers.
func BenchmarkAppendParallel(b *testing.B) {
	j, _, err := journal.Open(b.TempDir(), journal.Options{Binding: binding})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	data := payload(1, 1, 500)
	b.SetParallelism(100)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := j.Append(journal.Entry{Count: 1, Data: data}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	_, commits := j.Written()
	b.ReportMetric(float64(b.N)/float64(commits), "appends/commit")
}

// BenchmarkRead reads a backlog through, 64 KiB at a time, from sealed segments and from the open one.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{500, 20000} {
		for _, sealed := range []bool{true, false} {
			b.Run(fmt.Sprintf("%dB/sealed=%v", size, sealed), func(b *testing.B) {
				o := journal.Options{Binding: binding}
				if !sealed {
					o.SegmentSize = 1 << 30
				}
				j, _, err := journal.Open(b.TempDir(), o)
				if err != nil {
					b.Fatal(err)
				}
				defer j.Close()
				es := make([]journal.Entry, 1<<20/size)
				for range 32 {
					for i := range es {
						es[i] = journal.Entry{Count: 100, Data: payload(1, 1, size)}
					}
					if err := j.Append(es...); err != nil {
						b.Fatal(err)
					}
				}
				b.SetBytes(64 << 10)
				pos := uint64(0)
				for b.Loop() {
					got, err := j.Read(pos, 64<<10)
					if err != nil {
						b.Fatal(err)
					}
					if pos = 0; len(got) > 0 {
						pos = got[len(got)-1].Pos + 100
					}
				}
			})
		}
	}
}
