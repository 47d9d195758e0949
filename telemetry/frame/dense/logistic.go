package dense

// Probabilities are of a 1, in 1/65536, and never 0 or 1. In the logistic domain they are x = ln(p/(1-p)) in 1/256, from -2047 to 2047: there
// what several contexts say can be added up.

const maxStretch = 2047

// squash turns x into a probability.
func squash(x int32) int32 {
	return int32(squashTable[min(max(x, -maxStretch), maxStretch)+2048])
}

// stretchTable is the inverse of squash for probabilities in 1/4096.
var stretchTable = inverse()

func inverse() (t [4096]int16) {
	x := int32(-maxStretch)
	for p := range int32(4096) {
		for x < maxStretch && squash(x) < p<<4+8 {
			x++
		}
		t[p] = int16(x)
	}
	return t
}

func stretch(p int32) int32 { return int32(stretchTable[p>>4]) }
