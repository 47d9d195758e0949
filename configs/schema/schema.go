// Package schema holds JSON Schemas (draft 2020-12) of the three forms of file, for editors that complete and check while somebody types. The tests
// make them out of the settings structs and their comments, and compare; go test ./configs/schema -update writes them anew.
//
// It holds text only. A program links those of them that it names.
package schema

import _ "embed" // the schemas

// Edge is the schema of edge.yaml.
//
//go:embed edge.schema.json
var Edge string

// Device is the schema of a device file.
//
//go:embed device.schema.json
var Device string

// Gateway is the schema of gateway.yaml.
//
//go:embed gateway.schema.json
var Gateway string
