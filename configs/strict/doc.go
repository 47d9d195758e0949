// Package strict reads a YAML file into settings structs and reports everything that is wrong with it at once, each
// problem with file, line and column, in words for the person who wrote the file.
//
// Scalars follow the core schema of YAML 1.2 (§10.3.2): true and false are the only booleans, no and on are text, 1:30 is text.
// A field of type string takes any scalar as it is written, so 12 and true need no quotes there. On purpose not taken are several
// documents in one file, aliases, merge keys, explicit tags, and whole numbers that begin with 0 (YAML 1.1 and 1.2 read
// them differently). A file is at most 1 MiB. Reading one creates nothing on disk and opens no other file.
//
// # Structs
//
// Every exported field of a settings struct has a yaml tag; a struct that breaks these rules is a bug of ours and panics.
//
//	`yaml:"name"`          a key
//	`yaml:"name,kind"`     one of several keys of which exactly one must stand in the section: a list item's name plus one kind
//	`yaml:"name,replace"`  a section that replaces the field's default whole, instead of being read over it
//	`yaml:",inline"`       a struct whose keys belong to the section around it; also an interface that holds a pointer to such a struct
//	`yaml:",choice"`       a Choice: kind keys that are known at run time only
//	`yaml:"-"`             not in the file
//
// An inline *Anything takes all keys that no other field has.
// Values are booleans, integers, floats, strings, pointers, structs, slices, arrays, maps with text keys, and all
// that is an encoding.TextUnmarshaler (setting.Duration, setting.Size).
//
// Fields are read in the order of the struct, not of the file, so that a function given by For can rest on an earlier field.
//
// # Defaults and checks
//
// A struct that is a setting.Defaulter is given its defaults before it is read. When the whole file has been read, each setting.Checker
// found anywhere is asked once, and its paths become positions. What it says about values that could not be read is left out.
package strict
