package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime/pprof"
)

func profilesFlag(f *flag.FlagSet) *string {
	return f.String("profiles", "", "write profiles of the processor and of memory into this `FOLDER`, when told to stop")
}

// profiled runs f until ctx ends, and writes into a folder where its time went, and of its memory what was in use at the end of ctx and what was allocated
// by then: WHO-cpu.pprof and WHO-heap.pprof. Where the folder is "", it just runs.
func profiled(ctx context.Context, dir, who string, f func(context.Context) error) (err error) {
	if dir == "" {
		return f(ctx)
	}
	create := func(what string) (*os.File, error) { return os.Create(filepath.Join(dir, who+"-"+what+".pprof")) }
	cpu, err := create("cpu")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cpu.Close()) }()
	heap, err := create("heap")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, heap.Close()) }()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	done := make(chan error, 1)
	go func() { done <- f(running) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	err = pprof.Lookup("heap").WriteTo(heap, 0) // before what stops lets go of it
	stop()
	return errors.Join(err, <-done)
}
