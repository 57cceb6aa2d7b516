package calls

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

const (
	// maxProto bounds one source of a schema, in bytes.
	maxProto = 1 << 20
	// maxImports bounds how many sources one imports, in any depth.
	maxImports = 50
	// maxProtoDepth bounds how deep braces and brackets nest in a source: the
	// compiler recurses, and a stack that overflows ends the worker.
	maxProtoDepth = 100
)

// protoSchema is what a proto and its imports describe.
type protoSchema struct {
	name  string // of the proto, for messages
	main  linker.File
	types linker.Resolver
}

// protoSchema fetches a proto and what it imports, and compiles them.
func (s *session) protoSchema(ctx context.Context, a Arguments) (*protoSchema, error) {
	content, from, err := s.document(ctx, a, "proto")
	if err != nil {
		return nil, err
	}
	policy, err := a.object("protoAuthentication")
	if err != nil {
		return nil, err
	}
	source := &protoSource{session: s, ctx: ctx, from: from, policy: policy, name: protoName(from), main: content}
	compiler := protocompile.Compiler{
		Resolver:       protocompile.CompositeResolver{googleProtos, &protocompile.SourceResolver{Accessor: source.open}},
		MaxParallelism: 1,
	}
	files, err := compiler.Compile(ctx, source.name)
	if err != nil {
		if known, ok := errors.AsType[*Fault](source.failed()); ok {
			return nil, known
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fault(Failed, nil, "%s is no proto that can be read: %s", place(from), oneLine(err.Error()))
	}
	return &protoSchema{name: place(from), main: files[0], types: files.AsResolver()}, nil
}

// googleProtos has the sources of Google's own types, for which nobody is asked.
var googleProtos = protocompile.WithStandardImports(protocompile.ResolverFunc(func(string) (protocompile.SearchResult, error) {
	return protocompile.SearchResult{}, protoregistry.NotFound
}))

// protoName is the name under which the compiler knows the first source: that by
// which one of its folder would import it.
func protoName(from *url.URL) string {
	if name := path.Base(from.Path); importPath.MatchString(name) {
		return name
	}
	return "main.proto"
}

// protoSource hands the compiler its sources. Imports are relative to the folder
// of the first, on the same host.
type protoSource struct {
	*session
	ctx    context.Context //nolint:containedctx // of the one compilation it serves; the compiler's accessors have none
	from   *url.URL
	policy map[string]any
	name   string // of the first
	main   []byte

	mu      sync.Mutex
	imports int
	err     error
}

func (p *protoSource) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// importPath is a path that stays below the folder it is relative to.
var importPath = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$`)

func (p *protoSource) open(name string) (io.ReadCloser, error) {
	content, err := p.read(name)
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.err == nil {
			p.err = err
		}
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (p *protoSource) read(name string) ([]byte, error) {
	if name == p.name {
		return p.main, p.bounded(p.from, p.main)
	}
	p.mu.Lock()
	p.imports++
	tooMany := p.imports > maxImports
	p.mu.Unlock()
	switch {
	case tooMany:
		return nil, fault(Failed, nil, "%s imports more than %d files", place(p.from), maxImports)
	case !importPath.MatchString(name):
		return nil, fault(Failed, nil, "%s imports %s, which is no path below its folder", place(p.from), quoted(name))
	}
	at, err := p.from.Parse("./" + name)
	if err != nil {
		return nil, fault(Failed, nil, "%s imports %s, which is no path below its folder", place(p.from), quoted(name))
	}
	content, err := p.fetchDocument(p.ctx, at, p.policy)
	if err != nil {
		return nil, err
	}
	return content, p.bounded(at, content)
}

// bounded refuses what would cost the compiler too much.
func (p *protoSource) bounded(at *url.URL, content []byte) error {
	if len(content) > maxProto {
		return fault(Failed, nil, "%s has more than %d bytes, the limit of a proto", place(at), maxProto)
	}
	if protoDepth(content) > maxProtoDepth {
		return fault(Failed, nil, "%s nests deeper than %d", place(at), maxProtoDepth)
	}
	return nil
}

// protoDepth is how deep braces and brackets nest outside of comments and strings.
func protoDepth(source []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(source); i++ {
		switch c := source[i]; c {
		case '{', '[', '<', '(':
			depth++
			deepest = max(deepest, depth)
		case '}', ']', '>', ')':
			depth = max(depth-1, 0)
		case '"', '\'':
			for i++; i < len(source) && source[i] != c && source[i] != '\n'; i++ {
				if source[i] == '\\' {
					i++
				}
			}
		case '/':
			i = skipComment(source, i)
		}
	}
	return deepest
}

// skipComment is the last place of the comment that begins at i, or i.
func skipComment(source []byte, i int) int {
	end := ""
	switch {
	case bytes.HasPrefix(source[i:], []byte("//")):
		end = "\n"
	case bytes.HasPrefix(source[i:], []byte("/*")):
		end = "*/"
	default:
		return i
	}
	if length := bytes.Index(source[i+2:], []byte(end)); length >= 0 {
		return i + 2 + length + len(end) - 1
	}
	return len(source)
}

// method finds a method of a service, which is named with its package, or without
// it where that is clear.
func (p *protoSchema) method(service, method string) (protoreflect.MethodDescriptor, error) {
	found, err := p.service(service)
	if err != nil {
		return nil, err
	}
	methods := found.Methods()
	if m := methods.ByName(protoreflect.Name(method)); m != nil {
		return m, nil
	}
	known := make([]string, methods.Len())
	for i := range known {
		known[i] = string(methods.Get(i).Name())
	}
	return nil, fault(Invalid, nil, "service %s has no method %s; it has %s", quoted(service), quoted(method), listed(known))
}

func (p *protoSchema) service(name string) (protoreflect.ServiceDescriptor, error) {
	if d, err := p.types.FindDescriptorByName(protoreflect.FullName(name)); err == nil {
		if service, ok := d.(protoreflect.ServiceDescriptor); ok {
			return service, nil
		}
	}
	var known []string
	var found protoreflect.ServiceDescriptor
	services := p.main.Services()
	for i := range services.Len() {
		service := services.Get(i)
		known = append(known, string(service.FullName()))
		if string(service.Name()) == name && !strings.Contains(name, ".") {
			found = service
		}
	}
	if found != nil {
		return found, nil
	}
	return nil, fault(Invalid, nil, "%s has no service %s; it has %s", p.name, quoted(name), listed(known))
}
