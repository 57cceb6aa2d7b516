package policies

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// PolicyError says what is wrong with a policy document, and where.
type PolicyError struct {
	Line, Column int // 0: of the whole document
	Message      string
	Hint         string // one line, or empty
}

func (e *PolicyError) Error() string { return e.Message }

// libvirtDocument is the document's form; keys are those that operators of libvirt
// know.
type libvirtDocument struct {
	Signers signerWords     `yaml:"signers"`
	Libvirt *libvirtSection `yaml:"libvirt"`
}

type libvirtSection struct {
	URIs         []word              `yaml:"uris"`
	ReadOnly     bool                `yaml:"readonly"`
	Timeout      number              `yaml:"timeout"`
	Concurrent   number              `yaml:"max_concurrent_ops"`
	PerMinute    number              `yaml:"max_ops_per_minute"`
	AuthRequired acknowledgement     `yaml:"auth_required"`
	Identities   []identity          `yaml:"identities"`
	Allow        *[]word             `yaml:"allowed_operations"`
	Approval     []approval          `yaml:"approval"`
	Within       number              `yaml:"approval_timeout"`
	Events       []word              `yaml:"events"`
	Dangerous    *libvirtDangerous   `yaml:"dangerous"`
	Definitions  []libvirtDefinition `yaml:"definitions"`
}

type libvirtDangerous struct {
	Acknowledge acknowledgement `yaml:"acknowledge"`
	Allow       []word          `yaml:"allowed_operations"`
	Hostdev     bool            `yaml:"hostdev"`
}

type libvirtDefinition struct {
	Match     word              `yaml:"match"`
	Callers   []word            `yaml:"callers"`
	ReadOnly  *bool             `yaml:"readonly"`
	Allow     *[]word           `yaml:"allowed_operations"`
	Approval  *[]approval       `yaml:"approval"`
	Dangerous *libvirtDangerous `yaml:"dangerous"`
}

// approval is the name of an operation, or one with conditions.
type approval struct {
	Operation word `yaml:"operation"`
	URI       word `yaml:"uri"`
	Name      word `yaml:"name"`
}

func (a *approval) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return n.Decode(&a.Operation)
	}
	for i := 0; i < len(n.Content); i += 2 {
		into := map[string]*word{"operation": &a.Operation, "uri": &a.URI, "name": &a.Name}[n.Content[i].Value]
		if into == nil {
			return fmt.Errorf("line %d: %s is no setting here; an approval has operation, uri, name", n.Content[i].Line, n.Content[i].Value)
		}
		if err := n.Content[i+1].Decode(into); err != nil {
			return err
		}
	}
	if a.Operation.node == nil {
		return fmt.Errorf("line %d: an approval has no operation", n.Line)
	}
	return nil
}

// word, number and acknowledgement are values that know their place.
type word struct {
	text string
	node *yaml.Node
}

type number struct {
	value int
	node  *yaml.Node
}

type acknowledgement struct {
	given bool
	node  *yaml.Node
}

func (w *word) UnmarshalYAML(n *yaml.Node) error { w.node = n; return n.Decode(&w.text) }

func (v *number) UnmarshalYAML(n *yaml.Node) error { v.node = n; return n.Decode(&v.value) }

func (a *acknowledgement) UnmarshalYAML(n *yaml.Node) error { a.node = n; return n.Decode(&a.given) }

// maxPolicy bounds a document, in bytes.
const maxPolicy = 1 << 20

// ReadLibvirt reads the libvirt section of a policy document. operations are all
// there are; checkURI says why a text is no URI that can be allowed. Its error is
// a *PolicyError.
func ReadLibvirt(r io.Reader, operations []LibvirtOperation, checkURI func(string) error) (Libvirt, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxPolicy+1))
	if err != nil {
		return Libvirt{}, &PolicyError{Message: err.Error()}
	}
	if len(text) > maxPolicy {
		return Libvirt{}, &PolicyError{Message: fmt.Sprintf("the document is larger than %d bytes", maxPolicy)}
	}
	var document libvirtDocument
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&document); err != nil {
		return Libvirt{}, yamlError(err)
	}
	if document.Libvirt == nil {
		return Libvirt{}, &PolicyError{Message: "the document has no section libvirt", Hint: "begin it with libvirt:"}
	}
	p := policyReader{operations: operations, checkURI: checkURI}
	p.signers = p.keys(document.Signers)
	l := p.section(document.Libvirt)
	if p.err != nil {
		return Libvirt{}, p.err
	}
	return l, nil
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// yamlError is the first complaint of the parser, without Go's names of types.
func yamlError(err error) *PolicyError {
	if errors.Is(err, io.EOF) {
		return &PolicyError{Message: "the document is empty"}
	}
	e := &PolicyError{Message: strings.TrimPrefix(err.Error(), "yaml: ")}
	if match := yamlLine.FindStringSubmatch(err.Error()); match != nil {
		_, _ = fmt.Sscan(match[1], &e.Line)
		e.Column, e.Message = 1, match[2]
	}
	e.Message = regexp.MustCompile(` (in type|into) policies\.\w+`).ReplaceAllString(e.Message, "")
	e.Message = regexp.MustCompile(`field (\S+) not found`).ReplaceAllString(e.Message, "$1 is no setting here")
	return e
}

// policyReader makes a Libvirt and keeps the first thing that is wrong.
type policyReader struct {
	operations []LibvirtOperation
	checkURI   func(string) error
	signers    []Signer
	err        error
}

func (p *policyReader) fail(n *yaml.Node, hint, format string, args ...any) {
	if p.err != nil {
		return
	}
	e := &PolicyError{Message: fmt.Sprintf(format, args...), Hint: hint}
	if n != nil {
		e.Line, e.Column = n.Line, n.Column
	}
	p.err = e
}

func (p *policyReader) section(s *libvirtSection) Libvirt {
	l := DefaultLibvirt(p.operations)
	l.ReadOnly = s.ReadOnly
	if s.URIs != nil {
		l.URIs = p.uris(s.URIs)
	}
	l.Timeout = time.Duration(p.within(s.Timeout, "timeout", int(libvirtTimeout/time.Second), 300)) * time.Second
	l.Concurrent = p.within(s.Concurrent, "max_concurrent_ops", libvirtConcurrent, 100)
	l.PerMinute = p.within(s.PerMinute, "max_ops_per_minute", libvirtPerMinute, 100_000)
	if s.Allow != nil {
		l.Allow = p.plain(*s.Allow)
	}
	p.authentication(s, &l)
	l.Approval, l.ApprovalOn = p.approvals(s.Approval)
	l.ApprovalWithin = time.Duration(p.within(s.Within, "approval_timeout", int(libvirtApproval/time.Second), 30*24*3600)) * time.Second
	for _, w := range s.Events {
		if !slices.Contains(l.URIs, w.text) {
			p.fail(w.node, "list it in uris as well", "events: the host %q is not listed", w.text)
		}
		l.Events = append(l.Events, w.text)
	}
	if s.Dangerous != nil {
		l.Dangerous = p.dangerous(s.Dangerous)
	}
	for _, d := range s.Definitions {
		l.Definitions = append(l.Definitions, p.exception(d))
	}
	return l
}

func (p *policyReader) uris(words []word) []string {
	uris := make([]string, 0, len(words))
	for _, w := range words {
		if err := p.checkURI(w.text); err != nil {
			p.fail(w.node, "", "the URI %q %v", w.text, err)
		}
		uris = append(uris, w.text)
	}
	return uris
}

func (p *policyReader) within(n number, name string, otherwise, most int) int {
	if n.node == nil {
		return otherwise
	}
	if n.value < 1 || n.value > most {
		p.fail(n.node, "", "%s is %d, which is not within 1 and %d", name, n.value, most)
	}
	return n.value
}

// known are names of operations, dangerous or not.
func (p *policyReader) known(words []word) []string {
	names := []string{}
	for _, w := range words {
		if _, ok := p.find(w.text); !ok {
			p.fail(w.node, "lazaret libvirt operations lists them", "%q is no operation", w.text)
		}
		names = append(names, w.text)
	}
	return names
}

// approvals are operations that need one always, and those that need one here and there.
func (p *policyReader) approvals(given []approval) (always []string, on []LibvirtApproval) {
	always = []string{}
	for _, a := range given {
		name := p.known([]word{a.Operation})[0]
		if a.URI.text == "" && a.Name.text == "" {
			always = append(always, name)
			continue
		}
		if a.URI.text != "" {
			if err := p.checkURI(a.URI.text); err != nil {
				p.fail(a.URI.node, "", "the URI %q %v", a.URI.text, err)
			}
		}
		if _, err := path.Match(a.Name.text, ""); err != nil {
			p.fail(a.Name.node, `such as "prod-*"`, "name %q is no pattern", a.Name.text)
		}
		on = append(on, LibvirtApproval{Operation: name, URI: a.URI.text, Name: a.Name.text})
	}
	return always, on
}

func (p *policyReader) find(name string) (LibvirtOperation, bool) {
	i := slices.IndexFunc(p.operations, func(o LibvirtOperation) bool { return o.Name == name })
	if i < 0 {
		return LibvirtOperation{}, false
	}
	return p.operations[i], true
}

// plain are operations that are not dangerous.
func (p *policyReader) plain(words []word) []string {
	for _, w := range words {
		if o, ok := p.find(w.text); ok && o.Dangerous {
			p.fail(w.node, "list it in dangerous.allowed_operations, with dangerous.acknowledge: true", "%s is dangerous and cannot be allowed here", w.text)
		}
	}
	return p.known(words)
}

func (p *policyReader) dangerous(d *libvirtDangerous) LibvirtDangerous {
	for _, w := range d.Allow {
		if o, ok := p.find(w.text); ok && !o.Dangerous {
			p.fail(w.node, "list it in allowed_operations", "%s is not dangerous", w.text)
		}
	}
	allow := p.known(d.Allow)
	if (len(allow) > 0 || d.Hostdev) && !d.Acknowledge.given {
		n := d.Acknowledge.node
		if n == nil && len(d.Allow) > 0 {
			n = d.Allow[0].node
		}
		p.fail(n, "add acknowledge: true to the section dangerous, if it is meant", "dangerous operations are allowed without an acknowledgement")
	}
	return LibvirtDangerous{Acknowledged: d.Acknowledge.given, Allow: allow, Hostdev: d.Hostdev}
}

func (p *policyReader) exception(d libvirtDefinition) LibvirtException {
	e := LibvirtException{Match: d.Match.text, ReadOnly: d.ReadOnly}
	if _, err := path.Match(e.Match, ""); err != nil || strings.Count(e.Match, "/") != 1 {
		p.fail(d.Match.node, `such as "ops/*"`, "match %q is no pattern of namespace/name", e.Match)
	}
	for _, w := range d.Callers {
		if !slices.Contains([]string{"task", "script"}, w.text) {
			p.fail(w.node, "", "%q is none of task, script", w.text)
		}
		e.Callers = append(e.Callers, w.text)
	}
	if d.Allow != nil {
		e.Allow = p.plain(*d.Allow)
	}
	if d.Approval != nil {
		e.Approval, e.ApprovalOn = p.approvals(*d.Approval)
	}
	if d.Dangerous != nil {
		dangerous := p.dangerous(d.Dangerous)
		e.Dangerous = &dangerous
	}
	return e
}
