package mqttguard_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"fieldpost/mqttguard"
)

// packet returns a packet whose body has n bytes.
func packet(kind byte, n int) []byte {
	b := []byte{kind}
	for rest := n; ; {
		digit := byte(rest & 0x7f)
		if rest >>= 7; rest > 0 {
			b = append(b, digit|0x80)
			continue
		}
		b = append(b, digit)
		break
	}
	// A body full of what would be a huge header.
	return append(b, bytes.Repeat([]byte{0xff}, n)...)
}

func TestGuard(t *testing.T) {
	stream := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	tests := []struct {
		name string
		in   []byte
		want error
	}{
		{"nothing", nil, nil},
		{"empty packets", stream(packet(0xc0, 0), packet(0xc0, 0)), nil},
		{"all at their limits", stream(packet(0x10, 50), packet(0x30, 200), packet(0x30, 200)), nil},
		{"length of two bytes", stream(packet(0x10, 1), packet(0x30, 199)), nil},
		{"first too large", packet(0x10, 51), mqttguard.ErrTooLarge},
		{"second too large", stream(packet(0x10, 50), packet(0x30, 201)), mqttguard.ErrTooLarge},
		{"third too large", stream(packet(0x10, 50), packet(0x30, 200), packet(0x30, 1<<20)), mqttguard.ErrTooLarge},
		{"100 MB", stream(packet(0x10, 10), []byte{0x30, 0x80, 0xc2, 0xd7, 0x2f}), mqttguard.ErrTooLarge},
		{"largest of all", []byte{0x30, 0xff, 0xff, 0xff, 0x7f}, mqttguard.ErrTooLarge},
		{"length without end", []byte{0x30, 0xff, 0xff, 0xff, 0xff}, mqttguard.ErrMalformed},
		{"zero written long", stream([]byte{0x10, 0x80, 0x80, 0x80, 0x00}, packet(0x30, 200)), nil},
		{"half a header", []byte{0x30, 0xff}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, chunk := range []int{1, 2, 3, 7, 1 << 20} {
				g := mqttguard.Guard{First: 50, Rest: 200}
				var err error
				for rest := tt.in; len(rest) > 0 && err == nil; {
					n := min(chunk, len(rest))
					err = g.Check(rest[:n])
					rest = rest[n:]
				}
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
					t.Errorf("in chunks of %d: %v, want %v", chunk, err, tt.want)
				}
				if err != nil && g.Check([]byte{0xc0, 0}) == nil {
					t.Errorf("in chunks of %d: refused once and not for ever", chunk)
				}
			}
		})
	}
}

func TestOpen(t *testing.T) {
	g := mqttguard.Guard{First: 1000, Rest: 1000}
	for i, step := range []struct {
		in   []byte
		want int64
	}{{packet(0x10, 0), 0}, {[]byte{0x30}, 0}, {[]byte{0x80 | 44}, 0}, {[]byte{2}, 300}, {make([]byte, 299), 300}, {make([]byte, 1), 0},
		{append(packet(0x30, 5), 0x30, 7, 0), 7}} {
		if err := g.Check(step.in); err != nil {
			t.Fatal(err)
		}
		if got := g.Open(); got != step.want {
			t.Errorf("step %d: %d, want %d", i, got, step.want)
		}
	}
}

func TestConnReadsNothingFromARefusedHeaderOn(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		_, _ = there.Write(packet(0x10, 3))
		_, _ = there.Write([]byte{0x30, 0xff, 0xff, 0x7f})
		_ = there.Close()
	}()
	c := &mqttguard.Conn{Conn: here, Guard: mqttguard.Guard{First: 100, Rest: 100}}
	got, err := io.ReadAll(c)
	if !errors.Is(err, mqttguard.ErrTooLarge) || !bytes.Equal(got, packet(0x10, 3)) {
		t.Errorf("got %x, %v", got, err)
	}
}

// FuzzGuard compares the guard, fed in pieces, with a plain reading of the whole.
func FuzzGuard(f *testing.F) {
	f.Add(packet(0x10, 3), uint8(1))
	f.Add(append(packet(0x10, 130), packet(0x30, 201)...), uint8(3))
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0xff}, uint8(2))
	f.Fuzz(func(t *testing.T, in []byte, chunk uint8) {
		want := plain(in)
		g := mqttguard.Guard{First: 50, Rest: 200}
		var err error
		for rest := in; len(rest) > 0; {
			n := min(int(chunk)+1, len(rest))
			err = g.Check(rest[:n])
			rest = rest[n:]
		}
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%v, want %v", err, want)
		}
	})
}

func plain(in []byte) error {
	limit := 50
	for len(in) > 0 {
		in = in[1:]
		length, mul := 0, 1
		for i := 0; ; i++ {
			if len(in) == 0 {
				return nil
			}
			length += int(in[0]&0x7f) * mul
			mul *= 128
			more := in[0]&0x80 != 0
			in = in[1:]
			if !more {
				break
			}
			if i == 3 {
				return mqttguard.ErrMalformed
			}
		}
		if length > limit {
			return mqttguard.ErrTooLarge
		}
		in = in[min(length, len(in)):]
		limit = 200
	}
	return nil
}
