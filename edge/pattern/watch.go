package pattern

// watch decides when a pattern is raised and cleared. Times are nanoseconds of the monotonic clock.
type watch struct {
	delay   int64 // for how long `when` must have been true
	raised  bool
	running bool  // `when` was true at mark, and nothing unknown came since
	mark    int64 // of the last reading that made it true
	held    int64 // for how long it has been true, up to mark
}

// step takes what the expressions say now and reports whether the state changed.
func (w *watch) step(mono int64, when, clear truth) bool {
	if w.raised {
		// While the condition holds it is not over, whatever `clear` says: two that overlap would otherwise alternate at every reading.
		if clear != yes || when == yes {
			return false
		}
		*w = watch{delay: w.delay}
		return true
	}
	switch when {
	case unknown:
		w.running = false
		return false
	case no:
		w.running, w.held = false, 0
		return false
	}
	if w.running {
		w.held += mono - w.mark
	}
	w.running, w.mark = true, mono
	w.raised = w.held >= w.delay
	return w.raised
}
