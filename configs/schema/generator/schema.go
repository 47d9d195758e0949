package generator

import (
	"regexp"
	"slices"
)

const dialect = "https://json-schema.org/draft/2020-12/schema"

// Schemas returns the three schemas by the names of their files.
func (f *Forms) Schemas() (map[string][]byte, error) {
	out := make(map[string][]byte)
	for _, form := range []struct {
		name, title string
		section     *section
		empty       bool // a file without anything is good
	}{
		{"edge", "Fieldpost edge (edge.yaml)", f.edge, true},
		{"device", "Fieldpost device file", f.device, false},
		{"gateway", "Fieldpost gateway (gateway.yaml)", f.gateway, true},
	} {
		root := object{{"$schema", dialect}, {"title", form.title}}
		rest := form.section.schema()
		if form.empty {
			rest[0].value = []string{"object", "null"}
		}
		root = append(root, rest...)
		text, err := encode(append(root, form.section.definitions()...), " ")
		if err != nil {
			return nil, err
		}
		out[form.name+".schema.json"] = text
	}
	return out, nil
}

// schema returns the schema of s; its first member is the type.
func (s *section) schema() object {
	o := object{{"type", "object"}, {"additionalProperties", false}}
	properties, required := object{}, []string{}
	for _, k := range s.keys {
		properties = append(properties, member{k.name, s.property(k)})
		if k.required {
			required = append(required, k.name)
		}
	}
	var all []object
	for _, g := range s.groups {
		if len(g) == 1 {
			required = append(required, g[0])
			continue
		}
		all = append(all, exactlyOne(g))
	}
	o = append(o, member{"properties", properties})
	if len(required) > 0 {
		o = append(o, member{"required", required})
	}
	for _, v := range s.variants {
		all = append(all, s.condition(v))
	}
	switch {
	case len(all) == 1:
		o = append(o, all[0]...)
	case len(all) > 1:
		o = append(o, member{"allOf", all})
	}
	return o
}

func exactlyOne(group []string) object {
	var one []object
	for _, name := range group {
		one = append(one, object{{"required", []string{name}}})
	}
	return object{{"oneOf", one}}
}

// property returns the schema of a key. That of a list whose entries depend on another key knows only what all have: condition says the rest.
func (s *section) property(k key) object {
	o := object{{"description", k.doc}}
	if s.varies(k.name) {
		item := object{{"type", "object"}, {"properties", references(k.value.item.section, k.name)}, {"required", requiredOf(k.value.item.section)}}
		o = append(o, member{"type", k.value.jsonTypes()}, member{"items", item})
		if k.value.least > 0 {
			o = append(o, member{"minItems", k.value.least})
		}
		return o
	}
	o = append(o, k.value.schema()...)
	if k.standard != nil {
		o = append(o, member{"default", k.standard})
	}
	return o
}

func (s *section) varies(list string) bool {
	return slices.ContainsFunc(s.variants, func(v variant) bool { return v.list == list })
}

// condition says what entries of a list are where v's key stands.
func (s *section) condition(v variant) object {
	common := s.find(v.list).value.item.section
	properties, required := references(common, v.list), requiredOf(common)
	if v.extra != nil {
		for _, k := range v.extra.keys {
			properties = append(properties, member{k.name, v.extra.property(k)})
		}
		required = append(required, requiredOf(v.extra)...)
	}
	item := object{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}, {"required", required}}
	return object{
		{"if", object{{"required", []string{v.key}}}},
		{"then", object{{"properties", object{{v.list, object{{"items", item}}}}}}},
	}
}

// references returns properties that point to definitions.
func references(s *section, list string) object {
	var o object
	for _, k := range s.keys {
		o = append(o, member{k.name, object{{"$ref", "#/$defs/" + list + "_" + k.name}}})
	}
	return o
}

func requiredOf(s *section) []string {
	var names []string
	for _, k := range s.keys {
		if k.required {
			names = append(names, k.name)
		}
	}
	return names
}

// definitions returns what references point to.
func (s *section) definitions() object {
	var defs object
	for _, k := range s.keys {
		if !s.varies(k.name) {
			continue
		}
		inner := k.value.item.section
		for _, common := range inner.keys {
			defs = append(defs, member{k.name + "_" + common.name, inner.property(common)})
		}
	}
	if defs == nil {
		return nil
	}
	return object{{"$defs", defs}}
}

// schema returns the schema of v; its first member is the type.
func (v value) schema() object {
	if v.form == keys {
		return v.section.schema()
	}
	o := object{{"type", v.jsonTypes()}}
	if v.enum != nil {
		o = object{{"enum", v.enum}}
	}
	if v.pattern != "" {
		o = append(o, member{"pattern", v.pattern})
	}
	if v.min != nil {
		o = append(o, member{"minimum", *v.min})
	}
	if v.max != nil {
		o = append(o, member{"maximum", *v.max})
	}
	least, most := "minLength", "maxLength"
	if v.form == list {
		least, most = "minItems", "maxItems"
	}
	if v.least > 0 {
		o = append(o, member{least, v.least})
	}
	if v.most > 0 {
		o = append(o, member{most, v.most})
	}
	if v.names != "" {
		o = append(o, member{"propertyNames", object{{"pattern", v.names}}})
	}
	switch v.form {
	case list:
		o = append(o, member{"items", v.item.schema()})
	case table:
		o = append(o, member{"additionalProperties", v.item.schema()})
	}
	return o
}

// jsonTypes returns the types of JSON that v may have. A text may be written as a number or a boolean without quotes, where it can be such a text at all;
// a list or table may be empty because all its entries are comments.
func (v value) jsonTypes() any {
	if v.types != nil {
		return v.types
	}
	switch v.form {
	case whole:
		return "integer"
	case number:
		return "number"
	case boolean:
		return "boolean"
	case table:
		return []string{"object", "null"}
	case list:
		if v.least > 0 {
			return "array"
		}
		return []string{"array", "null"}
	}
	types := []string{"string"}
	switch {
	case v.matches("0.5"):
		types = append(types, "number")
	case v.matches("1"):
		types = append(types, "integer")
	}
	if v.matches("true") {
		types = append(types, "boolean")
	}
	if len(types) == 1 {
		return types[0]
	}
	return types
}

func (v value) matches(text string) bool {
	return v.pattern == "" || regexp.MustCompile(v.pattern).MatchString(text)
}
