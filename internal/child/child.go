// Package child runs the built binaries for what tries them from outside. A child ends with its parent.
package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Process is a running binary. A nil one is not running.
type Process struct {
	cmd    *exec.Cmd
	log    *Tail
	exited chan struct{}
}

// Tail keeps the last of what processes write, some 64 KiB. The zero value is ready; safe for concurrent use.
type Tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write is io.Writer.
func (l *Tail) Write(p []byte) (int, error) {
	const most = 64 << 10
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.Len()+len(p) > most {
		l.b.Next(l.b.Len() / 2)
	}
	return l.b.Write(p)
}

// String is fmt.Stringer.
func (l *Tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Start starts command, whose first word is the binary, and has it write into log.
func Start(log *Tail, command ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(command[0], command[1:]...), log: log, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // the state is in ProcessState
		close(p.exited)
	}()
	return p, nil
}

// Running reports whether it has not ended.
func (p *Process) Running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Kill is kill -9.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill() // gone already: fine
	<-p.exited
}

// Stop is SIGTERM; what does not end within half a minute is an error.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		// A Go program says where all its goroutines stand, and ends.
		_ = p.cmd.Process.Signal(syscall.SIGQUIT)
		select {
		case <-p.exited:
		case <-time.After(time.Second):
			p.Kill()
		}
		return fmt.Errorf("%s did not stop within 30 s of SIGTERM; it wrote:\n%s", p.cmd.Path, p.log)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with status %d after SIGTERM; it wrote:\n%s", p.cmd.Path, code, p.log)
	}
	return nil
}

// Frozen runs f while the process stands still, as its disk would be found at that instant.
func (p *Process) Frozen(f func() error) error {
	if p.Running() {
		if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		defer p.cmd.Process.Signal(syscall.SIGCONT) // it may be gone: fine
	}
	return f()
}

// Exited returns a channel that is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Pid returns its process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }
