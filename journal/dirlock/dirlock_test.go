package dirlock_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"fieldpost/journal/dirlock"
)

func TestOneHolderAtATime(t *testing.T) {
	dir := t.TempDir()
	first, err := dirlock.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	// The kernel's lock belongs to the open file, so that a second try in this process stands for another process.
	if _, err := dirlock.Take(dir); !errors.Is(err, dirlock.ErrHeld) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Fatalf("second: %v, want ErrHeld and the holder's process id", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := dirlock.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := dirlock.Take(dir + "/nowhere"); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("no folder: %v", err)
	}
}

// nobody is a user without rights on most systems; the tests below need only that it is not root.
const nobody = 65534

// TestNotOurs runs itself again as another user where this one is root, who may write anywhere.
func TestNotOurs(t *testing.T) {
	const folder = "DIRLOCK_TEST_FOLDER"
	if dir := os.Getenv(folder); dir != "" {
		for _, name := range []string{"/foreign", "/held"} {
			_, err := dirlock.Take(dir + name)
			fmt.Println(err)
			if !errors.Is(err, os.ErrPermission) {
				t.Error("not os.ErrPermission")
			}
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make a folder that belongs to somebody else")
	}
	dir, err := os.MkdirTemp("", "dirlock") // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/foreign", "/held"} {
		if err := os.Mkdir(dir+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// What is left when somebody has started the program as root once: a folder that is the service's, with a lock in it that is not.
	if err := os.WriteFile(dir+"/held/lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir+"/held", nobody, nobody); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("/proc/self/exe") // where go test put it nobody else may go
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/self", self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dir+"/self", "-test.run=^TestNotOurs$")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), folder+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	name := func(id string) string {
		if u, err := user.LookupId(id); err == nil {
			return u.Username
		}
		return id
	}
	for _, it := range []string{"/foreign belongs to user %s (mode 0755)", "/held/lock belongs to user %s (mode 0600)"} {
		want := fmt.Sprintf("permission denied; this process runs as user %s, and %s"+it+": run it as the service's user", name(fmt.Sprint(nobody)), dir, name("0"))
		if !strings.Contains(string(out), want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", unix.MS_RDONLY, "size=64k"); err != nil {
		t.Skipf("cannot mount a read-only folder: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	_, err := dirlock.Take(dir)
	if !errors.Is(err, unix.EROFS) || !strings.Contains(err.Error(), "mount it for writing") {
		t.Errorf("got %v", err)
	}
}
