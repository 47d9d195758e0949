package nmea

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	errInterrupted = errors.New("broken off: another one begins in it")
	errByte        = errors.New("broken off: there is a byte in it that no sentence has")
	errLong        = fmt.Errorf("dropped: it is longer than %d bytes", maxSentence)
	errCutShort    = errors.New("broken off: the stream ended in it")
	errNoChecksum  = errors.New("it has no checksum; if the instrument sends none, set require_checksum: false")
)

// verify checks the checksum of b, whose * is at star: the exclusive or of what stands between the $ and the * (§5.3.1.6). One digit is taken for two,
// as instruments of simple make leave the zero out.
func verify(b []byte, star int) error {
	var sum, sent byte
	for _, c := range b[1:star] {
		sum ^= c
	}
	digits := bytes.TrimRight(b[star+1:], " ")
	ok := len(digits) > 0
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			ok = false
		}
		sent = sent<<4 | c&15
	}
	switch {
	case !ok:
		return fmt.Errorf("checksum %q: it would be %02X", digits, sum)
	case sent != sum:
		return fmt.Errorf("checksum %02X: it would be %02X", sent, sum)
	}
	return nil
}

// fields are those of a sentence; the first is its address. A sentence may have fewer than the standard says: older ones do.
type fields [][]byte

// split cuts b, which has neither $ nor checksum any more, into f.
func (f fields) split(b []byte) fields {
	f = f[:0]
	for {
		i := bytes.IndexByte(b, ',')
		if i < 0 {
			return append(f, b)
		}
		f, b = append(f, b[:i]), b[i+1:]
	}
}

// at returns field i without blanks around it, nil if there is none.
func (f fields) at(i int) []byte {
	if i < len(f) {
		return bytes.Trim(f[i], " ")
	}
	return nil
}

// letter returns the letter that field i is, as a capital; 0 if it is empty, '?' if it is something else.
func (f fields) letter(i int) byte {
	switch b := f.at(i); {
	case len(b) == 0:
		return 0
	case len(b) > 1:
		return '?'
	case b[0] >= 'a' && b[0] <= 'z':
		return b[0] - 'a' + 'A'
	default:
		return b[0]
	}
}
