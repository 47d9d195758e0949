package foreign_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"fieldpost/forwarder/foreign"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

var table = frame.Table{Devices: []frame.Device{
	{Name: "boiler", Metrics: []frame.Metric{{Name: "temperature", Unit: "Cel", Kind: telemetry.KindFloat}, {Name: "open", Kind: telemetry.KindBool}}},
	{Name: "pump", Metrics: []frame.Metric{{Name: "state", Kind: telemetry.KindText}, {Name: "count", Kind: telemetry.KindInt}}},
}}

func readings(t *testing.T, clock telemetry.ClockState) []byte {
	t.Helper()
	encoded, err := table.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const at = 1_795_720_000_000_000_000
	h := frame.Header{Node: "pi-7", Epoch: 0xe1, Lane: telemetry.Live, First: 41, Boot: telemetry.Boot{Ordinal: 1, ID: 9}, Clock: clock, Offset: 100, Table: frame.Hash(encoded)}
	b, err := frame.Encode(nil, h, []frame.Record{
		{Series: 0, Time: at, Value: telemetry.Float(81.5)},
		{Series: 0, Time: at + 250_000_000, Value: telemetry.Float(math.NaN()), Quality: telemetry.Bad},
		{Series: 1, Time: at + 1, Value: telemetry.Bool(true)},
		{Series: 2, Time: at + 2_000_000_000, Value: telemetry.Text("says \"on\""), Stamped: true},
		{Series: 3, Time: at + 3_000_000_000, Value: telemetry.Int(9007199254740993)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func events(t *testing.T) []byte {
	t.Helper()
	const at = 1_795_720_000_000_000_000
	h := frame.Header{Node: "pi-7", Epoch: 0xe1, Lane: telemetry.Alarm, First: 7, Boot: telemetry.Boot{Ordinal: 1, ID: 9}, Clock: telemetry.ClockSync}
	b, err := frame.EncodeEvents(nil, h, []telemetry.Event{{
		Device: "boiler", Pattern: "overheat", State: telemetry.Raised, Severity: telemetry.Critical, Time: at, Message: "hot",
		Cause: []telemetry.Cause{{Metric: "temperature", Unit: "Cel", Time: at, Value: telemetry.Float(81.5)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What others are promised to get, to the byte.
func TestMessages(t *testing.T) {
	all := ranges.Range{From: 0, To: ^uint64(0)}
	for name, c := range map[string]struct {
		format foreign.Format
		topic  foreign.Topic
		frame  []byte
		due    ranges.Range
		clock  foreign.Clock
		want   string // topic, span, payload, a line each
	}{
		"json": {foreign.JSON, "fp/{node}/{kind}/{device}/{metric}", readings(t, telemetry.ClockSync), all, foreign.Clock{}, `
fp/pi-7/readings/boiler/temperature 41 {"node":"pi-7","device":"boiler","metric":"temperature","time":"2026-11-26T19:06:40.000Z","value":81.5,"unit":"Cel","quality":"good","lane":"live","epoch":"00000000000000e1","seq":41}
fp/pi-7/readings/boiler/temperature 42 {"node":"pi-7","device":"boiler","metric":"temperature","time":"2026-11-26T19:06:40.250Z","value":"NaN","unit":"Cel","quality":"bad","lane":"live","epoch":"00000000000000e1","seq":42}
fp/pi-7/readings/boiler/open 43 {"node":"pi-7","device":"boiler","metric":"open","time":"2026-11-26T19:06:40.000000001Z","value":true,"unit":"","quality":"good","lane":"live","epoch":"00000000000000e1","seq":43}
fp/pi-7/readings/pump/state 44 {"node":"pi-7","device":"pump","metric":"state","time":"2026-11-26T19:06:42.000Z","value":"says \"on\"","unit":"","quality":"good","lane":"live","epoch":"00000000000000e1","seq":44}
fp/pi-7/readings/pump/count 45 {"node":"pi-7","device":"pump","metric":"count","time":"2026-11-26T19:06:43.000Z","value":9007199254740993,"unit":"","quality":"good","lane":"live","epoch":"00000000000000e1","seq":45}`},
		"a part, of a clock not known yet": {foreign.JSON, "t/{lane}", readings(t, telemetry.ClockFloor), ranges.Range{From: 42, To: 44}, foreign.Clock{Unset: true}, `
t/live 42 {"node":"pi-7","device":"boiler","metric":"temperature","time":"2026-11-26T19:06:40.250Z","value":"NaN","unit":"Cel","quality":"bad","lane":"live","epoch":"00000000000000e1","seq":42,"clock":"unset"}
t/live 43 {"node":"pi-7","device":"boiler","metric":"open","time":"2026-11-26T19:06:40.000000001Z","value":true,"unit":"","quality":"good","lane":"live","epoch":"00000000000000e1","seq":43,"clock":"unset"}
t/live 44 {"node":"pi-7","device":"pump","metric":"state","time":"2026-11-26T19:06:42.000Z","value":"says \"on\"","unit":"","quality":"good","lane":"live","epoch":"00000000000000e1","seq":44}`},
		"senml, a pack for each run of a topic, of a clock known since": {foreign.SenML, "s/{device}", readings(t, telemetry.ClockFloor), all, foreign.Clock{Delta: 10_000_000_000}, `
s/boiler 41-43 [{"n":"pi-7/boiler/temperature","u":"Cel","t":1795720010,"v":81.5,"lane":"live","epoch":"00000000000000e1","seq":41},{"n":"pi-7/boiler/temperature","u":"Cel","t":1795720010.25,"vs":"NaN","quality":"bad","lane":"live","epoch":"00000000000000e1","seq":42},{"n":"pi-7/boiler/open","t":1795720010.000000001,"vb":true,"lane":"live","epoch":"00000000000000e1","seq":43}]
s/pump 44-45 [{"n":"pi-7/pump/state","t":1795720002,"vs":"says \"on\"","lane":"live","epoch":"00000000000000e1","seq":44},{"n":"pi-7/pump/count","t":1795720013,"v":9007199254740993,"lane":"live","epoch":"00000000000000e1","seq":45}]`},
		"an event": {foreign.JSON, "{kind}/{metric}", events(t), all, foreign.Clock{}, `
events/overheat 7 {"node":"pi-7","device":"boiler","pattern":"overheat","state":"raised","severity":"critical","time":"2026-11-26T19:06:40.000Z","message":"hot","cause":[{"node":"pi-7","device":"boiler","metric":"temperature","time":"2026-11-26T19:06:40.000Z","value":81.5,"unit":"Cel","quality":"good"}],"lane":"alarm","epoch":"00000000000000e1","seq":7}`},
		"an event as senml": {foreign.SenML, "{kind}/{metric}", events(t), all, foreign.Clock{}, `
events/overheat 7 [{"n":"pi-7/boiler/overheat","t":1795720000,"vb":true,"severity":"critical","message":"hot","lane":"alarm","epoch":"00000000000000e1","seq":7}]`},
	} {
		t.Run(name, func(t *testing.T) {
			e := foreign.Encoder{Format: c.format, Topic: c.topic, Node: "pi-7"}
			series := table.Series()
			messages, err := e.Messages(c.frame, series, c.due, c.clock)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, m := range messages {
				span, _ := json.Marshal([2]uint64{m.Span.From, m.Span.To})
				text := strings.NewReplacer("[", "", "]", "", ",", "-").Replace(string(span))
				if m.Span.From == m.Span.To {
					text, _, _ = strings.Cut(text, "-")
				}
				got.WriteString("\n" + m.Topic + " " + text + " " + string(m.Payload))
				if !json.Valid(m.Payload) {
					t.Errorf("not JSON: %s", m.Payload)
				}
			}
			if got.String() != c.want {
				t.Errorf("got:%s\nwant:%s", got.String(), c.want)
			}
		})
	}
}

func TestMessagesOfWhatIsNoFrame(t *testing.T) {
	e := foreign.Encoder{Format: foreign.JSON, Topic: "t", Node: "pi-7"}
	if _, err := e.Messages([]byte("nonsense"), nil, ranges.Range{To: 100}, foreign.Clock{}); err == nil {
		t.Error("nonsense was a frame")
	}
	if _, err := e.Messages(readings(t, telemetry.ClockSync), table.Series()[:2], ranges.Range{To: 100}, foreign.Clock{}); err == nil {
		t.Error("a record of a series that its table has not got")
	}
}

func TestTopicCheck(t *testing.T) {
	for topic, want := range map[foreign.Topic]string{
		"a/{node}/{kind}/{lane}/{device}/{metric}": "",
		"plain":                                  "",
		"":                                       "empty",
		"a/+/b":                                  "+ or #",
		"a/#":                                    "+ or #",
		"$SYS/x":                                 "$",
		"a/{nod}":                                "unknown name",
		"a/{node":                                "unknown name",
		foreign.Topic(strings.Repeat("x", 2000)): "at most",
	} {
		err := topic.Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.40q: %v, want %q", topic, err, want)
		}
	}
}
