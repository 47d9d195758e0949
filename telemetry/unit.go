package telemetry

import "slices"

// KnownUnit reports whether code is a unit of the SenML registry (RFC 8428 §12.1, RFC 8798) or a
// UCUM code common in the field. An unknown unit is carried all the same.
func KnownUnit(code string) bool {
	_, ok := slices.BinarySearch(units, code)
	return ok
}

// Units returns the known codes in order.
func Units() []string { return slices.Clone(units) }

// units is sorted by byte value.
var units = func() []string {
	u := []string{
		// RFC 8428
		"m", "kg", "g", "s", "A", "K", "cd", "mol", "Hz", "rad", "sr", "N", "Pa", "J", "W", "C", "V", "F", "Ohm", "S", "Wb", "T", "H",
		"Cel", "lm", "lx", "Bq", "Gy", "Sv", "kat", "m2", "m3", "l", "m/s", "m/s2", "m3/s", "l/s", "W/m2", "cd/m2", "bit", "bit/s",
		"lat", "lon", "pH", "dB", "dBW", "Bspl", "count", "/", "%", "%RH", "%EL", "EL", "1/s", "1/min", "beat/min", "beats", "S/m",
		"B", "VA", "VAs", "var", "vars", "J/m", "kg/m3", "deg", "NTU",
		// RFC 8798
		"ms", "min", "h", "MHz", "kW", "kVA", "kvar", "Ah", "Wh", "kWh", "varh", "kvarh", "kVAh", "Wh/km", "KiB", "GB", "Mbit/s", "B/s",
		"MB/s", "mV", "mA", "dBm", "ug/m3", "mm/h", "m/h", "ppm", "/100", "/1000", "hPa", "mm", "cm", "km", "km/h",
		// UCUM and usage beside them
		"kPa", "MPa", "bar", "mbar", "kHz", "MW", "MWh", "kJ", "MJ", "GJ", "uA", "uV", "kV", "mW", "mAh", "mS/cm", "uS/cm", "mg/l", "ug/l",
		"l/min", "m3/h", "kn", "nmi", "ppb", "um", "nm", "ml", "d", "us", "ns", "MiB", "kB", "MB", "kbit/s", "g/m3", "kOhm", "MOhm", "[degF]", "mOhm",
	}
	slices.Sort(u)
	return slices.Compact(u)
}()
