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
	if o.call.Retry && o.marked(g) {
		return false, nil
	}
	if err := o.mark(g); err != nil {
		return false, err
	}
	if err := act(); err != nil {
		// It did not act, so the mark would lie to a retry.
		_ = g.SetMetadata(libvirt.DOMAIN_METADATA_ELEMENT, "", markKey, markURI, libvirt.DOMAIN_AFFECT_LIVE)
		return false, err
	}
	return true, nil
}

func (o *operation) mark(g *guest) error {
	element := `<operation name="` + html.EscapeString(o.call.Operation) + `" key="` + html.EscapeString(o.call.Key) + `"/>`
	return g.SetMetadata(libvirt.DOMAIN_METADATA_ELEMENT, element, markKey, markURI, libvirt.DOMAIN_AFFECT_LIVE)
}

func (o *operation) marked(g *guest) bool {
	text, err := g.GetMetadata(libvirt.DOMAIN_METADATA_ELEMENT, markURI, libvirt.DOMAIN_AFFECT_LIVE)
	quoted := html.EscapeString(o.call.Key)
	return err == nil && (strings.Contains(text, `key="`+quoted+`"`) || strings.Contains(text, `key='`+quoted+`'`))
}
