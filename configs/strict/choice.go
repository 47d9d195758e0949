package strict

// Choice stands in a struct for several keys of which exactly one must stand in the file, each with a value of its own: a
// device file's driver key. Its owner sets What and Of before reading; reading sets Key and Value. Its tag is `yaml:",choice"`.
type Choice struct {
	What  string        // what is chosen, for messages: "driver"
	Of    []Alternative // in the order of messages
	Key   string        // the key that stands in the file; "" if none, or only a misspelt one
	Value any           // what Alternative.New made, filled; nil if Key is ""
}

// Alternative is one key of a Choice.
type Alternative struct {
	Key string
	New func() any // a pointer to a struct that holds its defaults
}

// Anything is a section whose keys are not looked at. Inline, it takes all keys that no other field has.
type Anything struct{}
