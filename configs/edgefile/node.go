package edgefile

import (
	"os"
	"strings"

	"fieldpost/configs/strict"
	"fieldpost/telemetry"
)

// defaultNode names the node after its host where the file does not.
func (c *Config) defaultNode(doc *strict.Document) {
	if doc.Has("node") || !doc.Readable("node") {
		return
	}
	host, err := os.Hostname()
	if err != nil {
		doc.Problem("", "node is missing, and the host does not tell its name: %v", err)
		return
	}
	node, ok := nodeOf(host)
	if !ok {
		doc.Problem("", "node is missing, and the host name %q gives none; write node: and a name that no other node has", host)
		return
	}
	if node == "raspberrypi" || node == "localhost" || node == "debian" || node == "ubuntu" {
		doc.Warning("", "node is left out, so the node is called %q after its host, as others may be; give it a name of its own", node)
	}
	c.Node = node
}

// nodeOf makes a node's name of the first part of a host name. ok is false if too little is left.
func nodeOf(host string) (node string, ok bool) {
	host, _, _ = strings.Cut(strings.ToLower(host), ".")
	node = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r == '-', r == '_', r == ' ':
			return '-'
		}
		return -1
	}, host)
	node = strings.Trim(node, "-")
	if len(node) > telemetry.MaxName {
		node = strings.TrimRight(node[:telemetry.MaxName], "-")
	}
	return node, telemetry.CheckNode(node) == nil
}
