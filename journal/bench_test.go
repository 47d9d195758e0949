package journal_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"fieldpost/journal"
)

// written returns the bytes this process has given to write calls so far.
func written(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		var n float64
		if _, err := fmt.Sscanf(line, "wchar: %f", &n); err == nil {
			return n
		}
	}
	b.Skip("no wchar in /proc/self/io")
	return 0
}

// BenchmarkAppend shows what a commit costs: time, bytes written, and how much of the disk is payload.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ entries, size int }{{1, 200}, {1, 500}, {1, 2000}, {1, 20000}, {20, 500}, {100, 2000}} {
		b.Run(fmt.Sprintf("%dx%dB", c.entries, c.size), func(b *testing.B) {
			j, _, err := journal.Open(b.TempDir(), journal.Options{Binding: binding})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			data := payload(1, 1, c.size)
			es := make([]journal.Entry, c.entries)
			before := written(b)
			for b.Loop() {
				for i := range es {
					es[i] = journal.Entry{Count: 100, Data: data}
				}
				if err := j.Append(es...); err != nil {
					b.Fatal(err)
				}
			}
			total := written(b) - before
			bytes, _ := j.Written()
			b.ReportMetric(total/float64(b.N), "B/commit")
			b.ReportMetric(total/float64(bytes), "written/data")
			b.ReportMetric(float64(j.Size())/float64(bytes), "disk/data")
		})
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
