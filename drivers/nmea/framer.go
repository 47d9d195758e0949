package nmea

const (
	// maxSentence is several times the 82 bytes of the standard (§5.3): weather stations and gateways send longer XDR.
	maxSentence = 512

	// maxNoise is more than the UBX and RTCM messages that a receiver sends between the sentences of one second, and what a wrong baud rate makes
	// of some ten seconds.
	maxNoise = 8192
)

// framer finds sentences in a stream: the same ones whatever the chunks it comes in.
type framer struct {
	body   []byte // of the sentence under way, from its $ or ! on
	inside bool
	star   int // place of the * in body; 0: none yet
	noise  int // bytes since the last sentence that belong to none
}

// events is what a framer finds. The bytes are valid during the call only.
type events interface {
	sentence(b []byte, star int)    // from its $ or ! to its checksum or line end; star is the place of its *, or 0
	broken(b []byte, because error) // the beginning of a sentence that does not end
	nothing()                       // maxNoise bytes without a sentence
}

func (f *framer) reset() { f.body, f.inside, f.star, f.noise = f.body[:0], false, 0, 0 }

func (f *framer) feed(p []byte, to events) {
	for _, c := range p {
		switch {
		case c == '$' || c == '!':
			f.stop(errInterrupted, to)
			f.body, f.inside, f.star = append(f.body[:0], c), true, 0
		case !f.inside:
			f.waste(1, to)
		case c == '\r' || c == '\n':
			f.finish(to)
		case c < ' ' || c > '~':
			f.stop(errByte, to)
			f.waste(1, to)
		case len(f.body) == maxSentence:
			f.stop(errLong, to)
			f.waste(1, to)
		default:
			f.body = append(f.body, c)
			if c == '*' && f.star == 0 {
				f.star = len(f.body) - 1
			}
			if f.star > 0 && len(f.body) == f.star+3 {
				f.finish(to)
			}
		}
	}
}

// finish ends the sentence under way.
func (f *framer) finish(to events) {
	if !f.inside {
		return
	}
	f.inside = false
	if !plausible(f.body) {
		f.waste(len(f.body), to)
		return
	}
	f.noise = 0
	to.sentence(f.body, f.star)
}

// stop gives up the sentence under way. Binary messages have a $ now and then: what was no sentence so far is noise.
func (f *framer) stop(because error, to events) {
	if !f.inside {
		return
	}
	f.inside = false
	if !plausible(f.body) {
		f.waste(len(f.body), to)
		return
	}
	to.broken(f.body, because)
}

// waste counts bytes that belong to no sentence.
func (f *framer) waste(n int, to events) {
	if f.noise += n; f.noise >= maxNoise {
		f.noise -= maxNoise
		to.nothing()
	}
}

// plausible says whether b begins as a sentence does: with the name of talker and sentence, or of a maker, and a field after it.
func plausible(b []byte) bool {
	a := address(b)
	return len(a) >= 3 && len(a) < len(b)-1 && name(a)
}

// address returns what stands between the $ of a sentence and its first comma or *.
func address(b []byte) []byte {
	for i, c := range b {
		if c == ',' || c == '*' {
			return b[1:i]
		}
	}
	return b[1:]
}

// name says whether b has capital letters and digits only.
func name(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
