package generator

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"reflect"
	"strings"
)

// comments reads doc comments of structs out of the source.
type comments struct {
	module string // path of the module whose root is source
	source fs.FS
	known  map[string]map[string]comment // by package path, then by name of type
}

// comment is what stands at a struct and its fields.
type comment struct {
	doc    string
	fields map[string]string
}

// of returns the comments of a struct type.
func (c *comments) of(t reflect.Type) (comment, error) {
	pkg := c.known[t.PkgPath()]
	if pkg == nil {
		var err error
		if pkg, err = c.read(t.PkgPath()); err != nil {
			return comment{}, fmt.Errorf("read comments of package %s: %w", t.PkgPath(), err)
		}
		c.known[t.PkgPath()] = pkg
	}
	found, ok := pkg[t.Name()]
	if !ok {
		return comment{}, fmt.Errorf("no struct %s in the source of %s", t.Name(), t.PkgPath())
	}
	return found, nil
}

func (c *comments) read(pkg string) (map[string]comment, error) {
	dir, ok := strings.CutPrefix(pkg, c.module+"/")
	if !ok {
		return nil, fmt.Errorf("not in module %s", c.module)
	}
	files, err := fs.Glob(c.source, path.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	found := make(map[string]comment)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := fs.ReadFile(c.source, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		structs(file, found)
	}
	return found, nil
}

// structs adds the comments of all structs in a file.
func structs(file *ast.File, found map[string]comment) {
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range decl.Specs {
			spec, ok := s.(*ast.TypeSpec)
			if !ok {
				continue
			}
			t, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			doc := spec.Doc
			if doc == nil {
				doc = decl.Doc
			}
			c := comment{doc: prose(doc), fields: make(map[string]string)}
			for _, f := range t.Fields.List {
				for _, name := range f.Names {
					c.fields[name.Name] = prose(f.Doc)
				}
			}
			found[spec.Name.Name] = c
		}
	}
}

// prose returns a comment's text in one line.
func prose(g *ast.CommentGroup) string { return strings.Join(strings.Fields(g.Text()), " ") }

// afterColon returns what the comment of a section's struct says about it: "Settings is the line section of a device file: an instrument …".
func afterColon(doc string) string {
	_, rest, ok := strings.Cut(doc, ": ")
	if !ok || rest == "" {
		return ""
	}
	return strings.ToUpper(rest[:1]) + rest[1:]
}
