package emulate

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"
)

// GPSPeriod is the time between the sentences of a GPS.
const GPSPeriod = time.Second

// GPS is a receiver on a ferry that goes round a lake. Each second it says where it is, in NMEA 0183:
//
//	$GPRMC,120000.00,A,4739.6000,N,00921.0000,E,7.8,090.0,010126,,,A*5A
//	$GPGGA,120000.00,4739.6000,N,00921.0000,E,1,09,0.9,398.2,M,47.6,M,,*6F
//
// with the time of this machine's clock, and the metre or two of scatter that a position has.
type GPS struct {
	out        io.Writer
	rng        *rand.Rand
	angle      float64 // radians, of the place on the circle, clockwise from north
	speed      walk    // m/s
	altitude   walk
	north      walk // m of scatter
	east       walk
	satellites walk
}

const (
	lakeLatitude   = 47.66 // degrees, the middle of the circle
	lakeLongitude  = 9.35
	ferryRadius    = 800.0         // m
	metresPerMin   = 1852.0        // of latitude: a nautical mile
	knotsPerMetre  = 3600 / 1852.0 // kn in a m/s
	geoidHeight    = 47.6          // m there
	lakeAboveSea   = 396.0
	antennaAboveIt = 2.2
)

// NewGPS returns a receiver that writes on out. The same seed gives the same places; the times are those of the clock.
func NewGPS(out io.Writer, seed uint64) *GPS {
	scatter := walk{pull: 0.02, step: 0.2}
	return &GPS{
		out: out, rng: generator(seed, 4), north: scatter, east: scatter,
		speed:      walk{mean: 4, value: 4, pull: 0.02, step: 0.05},
		altitude:   walk{mean: lakeAboveSea + antennaAboveIt, value: lakeAboveSea + antennaAboveIt, pull: 0.02, step: 0.3},
		satellites: walk{mean: 9, value: 9, pull: 0.02, step: 0.2},
	}
}

// Run writes until ctx ends. It is called once.
func (g *GPS) Run(ctx context.Context) { speak(ctx, g.out, GPSPeriod, g.telegram) }

func (g *GPS) telegram() []byte {
	speed := max(g.speed.next(g.rng), 0)
	g.angle = math.Mod(g.angle+speed*GPSPeriod.Seconds()/ferryRadius, 2*math.Pi)
	north := ferryRadius*math.Cos(g.angle) + g.north.next(g.rng)
	east := ferryRadius*math.Sin(g.angle) + g.east.next(g.rng)
	latitude := lakeLatitude*60 + north/metresPerMin // minutes of arc
	longitude := lakeLongitude*60 + east/metresPerMin/math.Cos(lakeLatitude*math.Pi/180)
	course := math.Mod(g.angle*180/math.Pi+90, 360)
	now := time.Now().UTC()
	clock := now.Format("150405.00")
	place := fmt.Sprintf("%s,N,%s,E", minutes(latitude, 2), minutes(longitude, 3))
	b := sentence(nil, fmt.Sprintf("GPRMC,%s,A,%s,%.1f,%05.1f,%s,,,A", clock, place, speed*knotsPerMetre, course, now.Format("020106")))
	return sentence(b, fmt.Sprintf("GPGGA,%s,%s,1,%02d,%.1f,%.1f,M,%.1f,M,,", clock, place,
		int(min(max(g.satellites.next(g.rng), 5), 12)), 0.9, g.altitude.next(g.rng), geoidHeight))
}

// minutes writes minutes of arc as degrees, of so many digits, and minutes: 4739.6000.
func minutes(m float64, digits int) string {
	n := int64(math.Round(m * 1e4)) // whole units of what is written, so that 59.99999 does not become 60
	return fmt.Sprintf("%0*d%02d.%04d", digits, n/600_000, n/10_000%60, n%10_000)
}

// sentence appends text with what goes around it: $, the checksum (all bytes between $ and * by exclusive or), CR LF.
func sentence(b []byte, text string) []byte {
	var sum byte
	for i := range len(text) {
		sum ^= text[i]
	}
	return fmt.Appendf(b, "$%s*%02X\r\n", text, sum)
}
