//go:build libvirt_dlopen && cgo

package libvirt

import (
	"html"
	"strings"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

// The mark that an operation leaves in its guest's metadata before it acts, where
// the guest's state does not show whether it did.
const (
	markURI = "https://lazaret.dev/libvirt/operation"
	markKey = "lazaret"
)

// once does it at most once per key: a retry that finds the mark does nothing.
func (o *operation) once(g *guest, act func() error) (bool, error) {
	if active, err := g.active(); err != nil || !active {
		if err == nil {
			err = virt.Errorf(virt.Busy, "%s is off", g.name)
		}
		return false, err
	}
	if o.call.Key == "" {
		return true, act()
	}
	if o.call.Retry && o.marked(g, o.call.Key) {
		return false, nil
	}
	if err := o.mark(g, o.call.Key); err != nil {
		return false, err
	}
	if err := act(); err != nil {
		o.unmark(g) // it did not act, so the mark would lie to a retry
		return false, err
	}
	return true, nil
}

// mark is of the guest that runs, or of the definition of one that is off.
func (o *operation) mark(g *guest, key string) error {
	element := `<operation name="` + html.EscapeString(o.call.Operation) + `" key="` + html.EscapeString(key) + `"/>`
	return g.SetMetadata(libvirt.DOMAIN_METADATA_ELEMENT, element, markKey, markURI, libvirt.DOMAIN_AFFECT_CURRENT)
}

func (o *operation) unmark(g *guest) {
	_ = g.SetMetadata(libvirt.DOMAIN_METADATA_ELEMENT, "", markKey, markURI, libvirt.DOMAIN_AFFECT_CURRENT)
}

func (o *operation) marked(g *guest, key string) bool {
	text, err := g.GetMetadata(libvirt.DOMAIN_METADATA_ELEMENT, markURI, libvirt.DOMAIN_AFFECT_CURRENT)
	quoted := html.EscapeString(key)
	return err == nil && (strings.Contains(text, `key="`+quoted+`"`) || strings.Contains(text, `key='`+quoted+`'`))
}
