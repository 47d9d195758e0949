package api_test

import (
	"slices"
	"testing"

	"fieldpost/api"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

func TestNodesGolden(t *testing.T) {
	f := &fake{nodes: []api.Node{
		{Node: "attic"},
		{
			Node: "pi-7", Online: true, LastSeen: t0 + 1000, Labels: map[string]string{"site": "north \"1\"", "customer": "ä"},
			Lanes: []api.Lane{
				{Lane: telemetry.Alarm, Epoch: 0xab},
				{
					Lane: telemetry.Live, Epoch: 0xab, Stored: 12, Highest: 30,
					Missing: ranges.Make(ranges.Of(13, 2), ranges.Of(20, 1)), Held: ranges.Make(ranges.Of(25, 6)),
					Lost: []api.Loss{{Range: ranges.Of(15, 5), Reason: "full", Time: t0}, {Range: ranges.Of(21, 4), Reason: "abandoned"}},
				},
			},
		},
	}}
	_, body := get(t, api.New(f, api.Options{}), "/v1/nodes")
	golden(t, "nodes.json", body)
}

func TestSeriesGolden(t *testing.T) {
	f := &fake{series: []api.Series{
		{Series: telemetry.Series{Node: "attic", Device: "boiler", Metric: "note"}, Kind: telemetry.KindText},
		{
			Series: telemetry.Series{Node: "pi-7", Device: "boiler", Metric: "temperature"}, Unit: "Cel", Kind: telemetry.KindFloat, Labels: map[string]string{"room": "b12", "site": "north"},
			First: &api.Point{Time: t0, Value: telemetry.Float(21.5)}, Last: &api.Point{Time: t0 + 1, Value: telemetry.Float(85), Quality: telemetry.Bad},
		},
		{Series: telemetry.Series{Node: "pi-7", Device: "pump", Metric: "count"}, Kind: telemetry.KindInt},
	}}
	h := api.New(f, api.Options{})
	_, body := get(t, h, "/v1/series")
	golden(t, "series.json", body)
	for query, want := range map[string][]string{
		"?node=pi-7": {"temperature", "count"}, "?device=boiler": {"note", "temperature"}, "?metric=count": {"count"}, "?node=pi-7&device=boiler&metric=temperature": {"temperature"}, "?node=x": nil,
	} {
		_, body := get(t, h, "/v1/series"+query)
		var got []string
		for _, row := range rows(t, body) {
			got = append(got, row["metric"].(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

// Nothing there is [], never null.
func TestEmptyLists(t *testing.T) {
	h := api.New(&fake{}, api.Options{})
	for _, path := range []string{"/v1/nodes", "/v1/series", "/v1/readings", "/v1/events", "/v1/feed"} {
		if _, body := get(t, h, path); body != "[]\n" {
			t.Errorf("%s: %q", path, body)
		}
	}
}
