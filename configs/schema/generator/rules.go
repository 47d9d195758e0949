package generator

import (
	"fieldpost/drivers/line"
	"fieldpost/drivers/nmea"
	"fieldpost/drivers/replay"
	"fieldpost/drivers/serialport"
	"fieldpost/drivers/sim"
	"fieldpost/telemetry"
)

// rule is what a Check method demands of a key, or how code reads it when it is left out: neither can be seen by reflection.
// TestLoaderAgrees holds each of them against the loader.
type rule struct {
	required bool
	enum     []string
	pattern  string
	types    []string // of JSON, where pattern does not tell
	names    string   // pattern of a table's keys
	what     string
	min, max *float64
	least    int
	most     int
	standard any
	item     *rule
}

const (
	namePattern    = `^[a-z][a-z0-9_]{0,62}$`
	nodePattern    = `^[a-z0-9][a-z0-9-]{0,62}$`
	linkPattern    = `^[A-Za-z0-9_-]{1,63}$`
	addressPattern = `^(\[[^\]]+\]|[^:\[\]]+):[0-9]{1,5}$`
	listenPattern  = `^(\[[^\]]*\]|[^:\[\]/@ \t]*):[0-9]{1,5}$`
	urlPattern     = `^(tcp|ssl|ws|wss)://[^@]+$`
)

func limit(f float64) *float64 { return &f }

var (
	name    = rule{required: true, pattern: namePattern, what: "name"}
	word    = rule{required: true, pattern: linkPattern, what: "name"}
	labels  = rule{names: namePattern}
	address = rule{pattern: addressPattern, what: "host:port"}
	listen  = rule{pattern: listenPattern, what: "host:port"}
	broker  = rule{required: true, pattern: urlPattern, what: "URL"}
	file    = rule{what: "file"}
	chance  = rule{min: limit(0), max: limit(1)}
)

// rules is by struct and key.
var rules = map[string]rule{
	"edgefile.Config.node":    {pattern: nodePattern, min: none, what: "name"},
	"edgefile.Config.labels":  labels,
	"edgefile.Config.devices": {what: "file pattern"},
	"edgefile.Link.name":      word,
	"edgefile.Bus.name":       word,
	"edgefile.Bus.tcp":        address,

	"edge.JournalSettings.dir":      {what: "folder", least: 1},
	"edge.ClockSettings.source":     {enum: []string{"auto", "system"}},
	"edge.DeviceSettings.device":    name,
	"edge.DeviceSettings.labels":    labels,
	"edge.DeviceSettings.metrics":   {required: true, least: 1},
	"edge.MetricSettings.name":      name,
	"edge.MetricSettings.type":      {enum: []string{"float", "integer", "bool", "text"}},
	"edge.MetricSettings.lane":      {enum: []string{telemetry.Live.String(), telemetry.Bulk.String()}},
	"edge.PatternSettings.name":     name,
	"edge.PatternSettings.when":     {required: true, least: 1, what: "expression"},
	"edge.PatternSettings.clear":    {what: "expression"},
	"edge.PatternSettings.severity": {enum: []string{telemetry.Info.String(), telemetry.Warning.String(), telemetry.Critical.String()}},

	"api.Settings.listen":         listen,
	"mqtt.Settings.url":           broker,
	"mqtt.Settings.ack":           {enum: []string{"gateway"}},
	"mqtt.Settings.prefix":        {least: 1, most: 200},
	"mqtt.Settings.ca_file":       file,
	"mqtt.Settings.cert_file":     file,
	"mqtt.Settings.key_file":      file,
	"mqtt.Settings.password_file": file,

	"mqttclient.Settings.url":           broker,
	"mqttclient.Settings.prefix":        {least: 1, most: 200},
	"mqttclient.Settings.ca_file":       file,
	"mqttclient.Settings.cert_file":     file,
	"mqttclient.Settings.key_file":      file,
	"mqttclient.Settings.password_file": file,

	"mqttbroker.Settings.listen":         listen,
	"mqttbroker.Settings.prefix":         {least: 1, most: 200},
	"mqttbroker.Settings.users_file":     file,
	"mqttbroker.Settings.cert_file":      file,
	"mqttbroker.Settings.key_file":       file,
	"mqttbroker.Settings.client_ca_file": file,

	"gatewayfile.Config.data": {what: "folder", least: 1},
	"gatewayfile.Source.name": word,

	"drivers.Attachment.port":  {what: "path"},
	"drivers.Attachment.bus":   {what: "name"},
	"drivers.Attachment.tcp":   address,
	"serialport.Settings.port": {required: true, least: 1, what: "path"},
	"serialport.Line.baud":     {min: limit(40), max: limit(12_000_000), standard: serialport.DefaultBaud},
	// 7E1 and 8E2 are numbers to those who read YAML without knowing that a text is wanted: 70 and 800.
	"serialport.Line.mode": {pattern: `^[5-8][NEOneo][12]$`, types: []string{"string", "number"}, min: limit(50), max: limit(800), standard: serialport.DefaultMode},

	"line.Settings.format":   {required: true, enum: []string{line.CSV, line.JSON, line.KeyValue, line.Regex}},
	"line.Settings.decimal":  {enum: []string{".", ","}, standard: "."},
	"line.Settings.match":    {what: "regular expression"},
	"line.Settings.max_line": {min: limit(16), max: limit(1 << 20), standard: line.DefaultMaxLine},
	"line.Time.field":        {required: true},
	"line.Time.layout":       {standard: "rfc3339"},

	"nmea.Settings.sentences": {what: "list of names", item: &rule{enum: nmea.Sentences()}},
	"nmea.Settings.time":      {enum: []string{nmea.TimeNode, nmea.TimeInstrument}, standard: nmea.TimeNode},
	"nmea.Address.field":      {required: true, pattern: `^[A-Z]{3}\..+$`, what: "sentence.field"},
	"nmea.Address.talker":     {pattern: `^[A-Z0-9]{2}$`, types: []string{"string", "integer"}, min: limit(10), max: limit(99), what: "two letters"},

	"sim.ClockStep.every":  {required: true},
	"sim.ClockStep.by":     {required: true},
	"sim.Address.shape":    {required: true, enum: []string{sim.Sine, sim.Square, sim.Step, sim.Walk, sim.Counter, sim.Constant}},
	"sim.Address.period":   {standard: "1m"},
	"sim.Address.step":     {min: limit(0)},
	"sim.Address.noise":    {min: limit(0)},
	"sim.Address.spikes":   chance,
	"sim.Address.stuck":    chance,
	"sim.Address.dropouts": chance,
	"sim.Address.decimals": {min: limit(0), max: limit(12)},

	"replay.Settings.file":      {required: true, least: 1, what: "file"},
	"replay.Settings.speed":     {min: limit(0)},
	"replay.Settings.times":     {enum: []string{replay.Now, replay.Keep}},
	"replay.Settings.layout":    {enum: []string{replay.UnixMilli, replay.Unix, replay.RFC3339}},
	"replay.Settings.separator": {pattern: `^[^"\r\n]$`, types: []string{"string", "integer"}, min: none, max: limit(9), what: "character"},
	"replay.Columns.time":       {least: 1},
	"replay.Columns.sensor":     {least: 1},
	"replay.Columns.value":      {least: 1},
}

// ways are keys of a struct of which exactly one must stand, though no tag says so.
var ways = map[string][]string{
	"drivers.Attachment": {"port", "bus", "tcp"},
}

// apply adds a rule to what reflection has found.
func (r rule) apply(k *key) {
	k.required = k.required || r.required
	r.limit(&k.value)
	if r.standard != nil {
		k.standard = r.standard
	}
	if k.required {
		k.standard = nil
	}
}

func (r rule) limit(v *value) {
	v.enum, v.names = r.enum, r.names
	if r.types != nil {
		v.types = r.types
	}
	if r.pattern != "" {
		v.pattern = r.pattern
	}
	if r.what != "" {
		v.what = r.what
	}
	if r.min != nil {
		v.min = r.min
	}
	if r.max != nil {
		v.max = r.max
	}
	v.least, v.most = max(v.least, r.least), max(v.most, r.most)
	if r.item != nil {
		r.item.limit(v.item)
	}
}
