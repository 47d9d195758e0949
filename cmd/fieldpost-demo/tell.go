package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"fieldpost/configs/setting"
)

// open reports whether other machines can reach the demo.
func (d *demo) open() bool { return !setting.Loopback(d.listen) }

// url returns where this machine reaches the gateway.
func (d *demo) url() string {
	host, port, _ := net.SplitHostPort(d.listen) // checked before
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// tell says where to look.
func (d *demo) tell(out io.Writer) {
	_, port, _ := net.SplitHostPort(d.listen)
	text := `Running. Readings of seven devices arrive.

  plant  machine   what a real one said in 2013       TCP, name=value
         meter     electric power                     TCP, JSON
         pump      overheats now and then             serial line, name=value
         office    recorded air, an hour a minute     played from a file
  hill   gps       a ferry on a lake                  serial line, NMEA 0183
         station   weather                            serial line, csv
         tank      made up                            simulated

The hill's link is gone for 20 s every two minutes: watch its backlog grow and drain without a loss.
The pump overheats half a minute after the start, and now and then later: an event is raised, and cleared soon after.

Dashboard:  $URL/

Ask the gateway:
  curl '$URL/v1/readings?device=station&metric=temperature&order=desc&limit=5'
  curl '$URL/v1/readings?device=meter&metric=power&step=10s&format=csv'
  curl '$URL/v1/events?device=pump'
  curl '$URL/v1/nodes'
  curl '$URL/metrics'

Ask the edges and the gateway of themselves:
  $BIN/fieldpost-edge status -config $DIR/plant/edge.yaml
  $BIN/fieldpost-edge status -config $DIR/hill/edge.yaml
  $BIN/fieldpost-gateway status -config $DIR/gateway.yaml

Folder:  $DIR
  the files that a user would write: gateway.yaml, and for each edge edge.yaml, devices/*.yaml
  the data, which is throw-away; $END
Log:     $LOG

$OTHERS

Ctrl-C stops it.
`
	end, log, others := "all this is removed at the end (-keep keeps it)", d.logFile, ""
	if d.keep {
		end = "it is kept at the end, because of -keep"
	}
	if log == "" {
		log = "standard error"
	}
	if d.open() {
		others = "From another machine: http://ADDRESS:" + port + ", with an address of this one (hostname -I shows them).\n" +
			"Everybody on the network can read: insecure: true stands beside listen in gateway.yaml, as -listen asked for."
	} else {
		others = "From another machine: not now. With -listen 0.0.0.0:" + port + " it can be reached, and everybody on the network can read."
	}
	fmt.Fprint(out, strings.NewReplacer("$URL", d.url(), "$BIN/", besides(), "$DIR", d.dir, "$END", end, "$LOG", log, "$OTHERS", others).Replace(text))
}

// besides returns the folder of this program, with its slash, if the edge's is there too; "": it is looked for in PATH.
func besides() string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	dir := filepath.Dir(self) + "/"
	if _, err := os.Stat(dir + "fieldpost-edge"); err != nil {
		return ""
	}
	return dir
}
