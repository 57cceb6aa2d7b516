package virt

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Review is raw XML that the allow-list lets pass. XML is written anew from what
// was understood, so that libvirt's parser is never given what ours did not see.
type Review struct {
	Root    string   // domain, disk, interface, hostdev
	XML     string   // to be given to libvirt
	Paths   []string // of the host, which must lie inside active pools
	Hostdev bool     // it hands a device of the host to the guest
}

// The bounds of a document's form.
const (
	maxDepth    = 12
	maxElements = 2000
)

// deviceRoots are the devices that can be attached by raw XML.
var deviceRoots = []string{"disk", "interface", "hostdev"}

// ReviewXML holds a document against the allow-list. Its error says which part
// is not allowed and why.
func ReviewXML(text string) (Review, error) {
	if len(text) > MaxXML {
		return Review{}, fmt.Errorf("is %d bytes long; at most %d are allowed", len(text), MaxXML)
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return Review{}, fmt.Errorf("has a NUL byte at %d", i)
	}
	r := reviewer{decoder: xml.NewDecoder(strings.NewReader(text))}
	root, err := r.document()
	if err != nil {
		return Review{}, err
	}
	if err := r.coherent(root); err != nil {
		return Review{}, err
	}
	return Review{Root: root.name, XML: root.String(), Paths: r.paths, Hostdev: r.hostdev}, nil
}

func checkDocument(text string) error {
	_, err := ReviewXML(text)
	return err
}

type reviewer struct {
	decoder  *xml.Decoder
	elements int
	paths    []string
	hostdev  bool
}

// document is its one element; a declaration may stand before it.
func (r *reviewer) document() (element, error) {
	var root *element
	for {
		token, err := r.decoder.Token()
		if errors.Is(err, io.EOF) {
			if root == nil {
				return element{}, errors.New("has no element")
			}
			return *root, nil
		}
		if err != nil {
			return element{}, fmt.Errorf("is not well-formed XML: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if root != nil {
				return element{}, errors.New("has more than one element at the top")
			}
			e, err := r.root(token)
			if err != nil {
				return element{}, err
			}
			root = &e
		case xml.CharData:
			if strings.TrimSpace(string(token)) != "" {
				return element{}, errors.New("has text outside its element")
			}
		default:
			if err := harmless(token); err != nil {
				return element{}, err
			}
		}
	}
}

func (r *reviewer) root(token xml.StartElement) (element, error) {
	name := token.Name.Local
	switch {
	case name == "domain":
		return r.element(token, "domain", 1)
	case slices.Contains(deviceRoots, name):
		return r.element(token, "domain/devices/"+name, 1)
	}
	return element{}, fmt.Errorf("is a %s; only domain, %s are allowed", preview(name), strings.Join(deviceRoots, ", "))
}

// harmless refuses what is neither element nor text: a document type with its
// entities, and instructions.
func harmless(token xml.Token) error {
	switch token := token.(type) {
	case xml.Comment:
		return nil
	case xml.Directive:
		return errors.New("has a document type or another declaration, which is not allowed")
	case xml.ProcInst:
		if token.Target == "xml" {
			return nil
		}
		return fmt.Errorf("has a processing instruction %s, which is not allowed", preview(token.Target))
	}
	return nil
}

// element reads one element to its end.
func (r *reviewer) element(start xml.StartElement, at string, depth int) (element, error) {
	r.elements++
	if depth > maxDepth || r.elements > maxElements {
		return element{}, fmt.Errorf("nests deeper than %d or has more than %d elements", maxDepth, maxElements)
	}
	if start.Name.Space != "" {
		return element{}, fmt.Errorf("element %s is in a namespace, which is not allowed", preview(start.Name.Local))
	}
	allowed, ok := grammar[at]
	if !ok {
		return element{}, fmt.Errorf("element %s is not allowed", at)
	}
	e := element{name: start.Name.Local}
	if e.name == "hostdev" {
		r.hostdev = true
	}
	if err := r.attributes(&e, start.Attr, allowed, at); err != nil {
		return element{}, err
	}
	if err := r.content(&e, at, depth); err != nil {
		return element{}, err
	}
	if e.text != "" && (allowed.text == "" || !fits(allowed.text, e.text)) {
		return element{}, fmt.Errorf("element %s has the text %s, which is not allowed", at, preview(e.text))
	}
	return e, nil
}

func (r *reviewer) attributes(e *element, given []xml.Attr, allowed permission, at string) error {
	seen := map[string]bool{}
	for _, a := range given {
		form, ok := allowed.attributes[a.Name.Local]
		switch {
		case a.Name.Space != "" || a.Name.Local == "xmlns":
			return fmt.Errorf("element %s declares or uses a namespace, which is not allowed", at)
		case !ok:
			return fmt.Errorf("attribute %s of %s is not allowed", preview(a.Name.Local), at)
		case seen[a.Name.Local]:
			return fmt.Errorf("attribute %s of %s stands twice", a.Name.Local, at)
		case !fits(form, a.Value):
			return fmt.Errorf("attribute %s of %s has the value %s, which is not allowed", a.Name.Local, at, preview(a.Value))
		}
		seen[a.Name.Local] = true
		if form == "@path" {
			r.paths = append(r.paths, a.Value)
		}
		e.attributes = append(e.attributes, attribute{a.Name.Local, a.Value})
	}
	return nil
}

func (r *reviewer) content(e *element, at string, depth int) error {
	for {
		token, err := r.decoder.Token()
		if err != nil {
			return fmt.Errorf("is not well-formed XML: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			child, err := r.element(token, at+"/"+token.Name.Local, depth+1)
			if err != nil {
				return err
			}
			e.children = append(e.children, child)
		case xml.EndElement:
			e.text = strings.TrimSpace(e.text)
			return nil
		case xml.CharData:
			e.text += string(token)
		default:
			if err := harmless(token); err != nil {
				return err
			}
		}
	}
}

// coherent checks what one element alone does not show.
func (r *reviewer) coherent(root element) error {
	if root.name == "disk" {
		return disk(root)
	}
	for _, child := range root.children {
		if err := r.coherent(child); err != nil {
			return err
		}
	}
	return nil
}

// disk has a source of the kind that its type says: a type of its own makes
// libvirt read other attributes of the source.
func disk(e element) error {
	want := map[string][]string{"volume": {"pool", "volume"}, "file": {"file"}}[e.attribute("type")]
	if want == nil {
		return errors.New("a disk has no type; volume and file are allowed")
	}
	for _, child := range e.children {
		if child.name != "source" {
			continue
		}
		for _, name := range want {
			if child.attribute(name) == "" {
				return fmt.Errorf("the source of a disk of type %s needs %s", e.attribute("type"), strings.Join(want, " and "))
			}
		}
		if len(child.attributes) != len(want) {
			return fmt.Errorf("the source of a disk of type %s has %s and nothing else", e.attribute("type"), strings.Join(want, " and "))
		}
	}
	return nil
}

func (e element) attribute(name string) string {
	for _, a := range e.attributes {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

func checkPath(p string) error {
	if !path.IsAbs(p) || path.Clean(p) != p || len(p) > MaxText {
		return errors.New("is no absolute path in its shortest form")
	}
	return checkPrintable(p)
}

// Inside says whether a path lies below the folder, by its text: the caller has
// resolved links.
func Inside(folder, file string) bool {
	return folder != "" && checkPath(file) == nil && strings.HasPrefix(file, strings.TrimSuffix(path.Clean(folder), "/")+"/")
}
