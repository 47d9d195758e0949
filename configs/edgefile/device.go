package edgefile

import (
	"errors"
	"slices"

	"fieldpost/configs/setting"
	"fieldpost/configs/strict"
	"fieldpost/drivers"
	"fieldpost/edge"
)

// deviceFile is a Device while it is checked. Its Driver is nil if the file names no driver that there is.
type deviceFile struct {
	Device
	doc *strict.Document
}

// DeviceForm is a device file as it is read: the driver's section, and what every device has. The driver comes first: which keys a metric has
// depends on it.
type DeviceForm struct {
	Driver strict.Choice        `yaml:",choice"`
	Device *edge.DeviceSettings `yaml:",inline"`
}

// NewDeviceForm returns the form that is read into device. Kinds are the drivers that the file may name.
func NewDeviceForm(device *edge.DeviceSettings, kinds []drivers.Kind) *DeviceForm {
	form := &DeviceForm{Device: device}
	form.Driver.What = "driver"
	for _, k := range kinds {
		form.Driver.Of = append(form.Driver.Of, strict.Alternative{Key: k.Name, New: func() any { return k.Settings() }})
	}
	return form
}

func (d *deviceFile) name() string { return d.DeviceSettings.Device }

// loadDevice reads one device file. What its driver thinks of it is another matter: see checkDriver.
func loadDevice(path string, kinds []drivers.Kind) *deviceFile {
	d := &deviceFile{Device: Device{File: path}}
	form := NewDeviceForm(&d.DeviceSettings, kinds)
	named := func() int {
		return slices.IndexFunc(kinds, func(k drivers.Kind) bool { return k.Name == form.Driver.Key })
	}
	address := func(m *edge.MetricSettings) {
		switch i := named(); {
		case i < 0: // nobody knows which keys it may have
			m.Address = new(strict.Anything)
		case kinds[i].Address != nil:
			m.Address = kinds[i].Address()
		}
	}
	d.doc = strict.Load(path, form, strict.For(address))
	d.doc.ResolveFiles()
	d.checkPatterns()
	if i := named(); i >= 0 {
		d.Kind = kinds[i]
		d.Driver = form.Driver.Value.(drivers.Settings)
		d.checkAttachment()
	}
	return d
}

// checkPatterns reports what is wrong inside the expressions and messages of patterns, at the word that is wrong. Which metrics
// there are must be known for that.
func (d *deviceFile) checkPatterns() {
	if !d.doc.Readable("metrics") {
		return
	}
	for _, p := range edge.PatternProblems(d.DeviceSettings) {
		if d.doc.Readable(p.Path) {
			d.doc.ProblemInside(p.Path, p.Offset, "%s", p.Message)
		}
	}
}

// checkAttachment says what the driver's own Check should have said; what both say is kept once.
func (d *deviceFile) checkAttachment() {
	under := func(say setting.Problem) setting.Problem {
		return func(path, format string, args ...any) {
			if path := d.path(path); d.doc.Readable(path) {
				say(path, format, args...)
			}
		}
	}
	d.Driver.Attached().CheckAttachment(under(d.doc.Problem), under(d.doc.Warning))
}

// path returns the path of a key of the driver's section.
func (d *deviceFile) path(key string) string { return setting.Path(d.Kind.Name, key) }

// failed reports whether the file has a problem that would make further checks repeat it.
func (d *deviceFile) failed() bool { return d.Driver == nil || d.doc.Problems().Failed() }

// bus returns what d is attached to; a shared bus out of buses, or only its name if it is not there.
func (d *deviceFile) bus(buses []Bus) drivers.Bus {
	if d.Driver == nil {
		return drivers.Bus{}
	}
	a := d.Driver.Attached()
	if private, ok := a.Private(); ok {
		return private
	}
	for _, b := range buses {
		if b.Name == a.Bus {
			return b.Driver()
		}
	}
	return drivers.Bus{Name: a.Bus}
}

// checkDriver asks the driver what it thinks of the device, unless the file is wrong already.
func (d *deviceFile) checkDriver(bus drivers.Bus) {
	if d.failed() {
		return
	}
	var err error
	if d.Kind.Decoder != nil {
		_, err = d.Kind.Decoder(d.ForDriver())
	} else {
		_, err = d.Kind.New(bus, []drivers.Device{d.ForDriver()}, nil)
	}
	d.report(err)
}

// report adds err, which may be several joined, each at the metric that it is about or at the driver's section.
func (d *deviceFile) report(err error) {
	for _, e := range leaves(err) {
		path := d.path("")
		if m, ok := errors.AsType[*drivers.MetricError](e); ok {
			if i := slices.IndexFunc(d.Metrics, func(s edge.MetricSettings) bool { return s.Name == m.Metric }); i >= 0 {
				path = setting.Path("metrics", i, m.Key)
			}
		}
		d.doc.Problem(path, "%v", e)
	}
}

// leaves takes joined errors apart, and off what is around them: the position says it.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, leaves(e)...)
		}
		return all
	}
	if isMetric(err) {
		return []error{err}
	}
	if inner := leaves(errors.Unwrap(err)); len(inner) > 1 || len(inner) == 1 && isMetric(inner[0]) {
		return inner
	}
	return []error{err}
}

func isMetric(err error) bool {
	_, ok := err.(*drivers.MetricError)
	return ok
}
