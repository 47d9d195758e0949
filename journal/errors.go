package journal

import "errors"

// Errors that callers decide by.
var (
	ErrBinding  = errors.New("journal belongs to another")
	ErrNotFound = errors.New("not in the journal")
	ErrClosed   = errors.New("journal closed")
	ErrStop     = errors.New("stop") // returned by a callback to end an iteration quietly
)
