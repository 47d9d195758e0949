package torture

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

// process is a running binary.
type process struct {
	cmd    *exec.Cmd
	log    *tail
	exited chan struct{}
}

// tail keeps the last of what a process writes.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *tail) Write(p []byte) (int, error) {
	const most = 64 << 10
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.Len()+len(p) > most {
		l.b.Next(l.b.Len() / 2)
	}
	return l.b.Write(p)
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(log *tail, command ...string) (*process, error) {
	p := &process{cmd: exec.Command(command[0], command[1:]...), log: log, exited: make(chan struct{})}
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

// running reports whether it has not ended.
func (p *process) running() bool {
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

// kill is kill -9.
func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill() // gone already: fine
	<-p.exited
}

// stop is SIGTERM; what does not end within half a minute is an error.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		p.kill()
		return fmt.Errorf("%s did not stop within 30 s of SIGTERM; it wrote:\n%s", p.cmd.Path, p.log)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with status %d after SIGTERM; it wrote:\n%s", p.cmd.Path, code, p.log)
	}
	return nil
}

// frozen runs f while the process stands still, as its disk would be found at that instant.
func (p *process) frozen(f func() error) error {
	if p.running() {
		if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		defer p.cmd.Process.Signal(syscall.SIGCONT) // it may be gone: fine
	}
	return f()
}
