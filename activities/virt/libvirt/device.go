//go:build libvirt_dlopen && cgo

package libvirt

import (
	"encoding/xml"
	"strings"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

// wanted is a device that is to be attached.
type wanted struct{ xml, target, mac string }

func (o *operation) wanted(g *guest) (wanted, error) {
	if d := o.arguments.Object("disk"); d != nil {
		if d.Text("target") == "" {
			target, err := g.freeTarget(d.Text("bus"))
			if err != nil {
				return wanted{}, err
			}
			d["target"] = target
		}
		return wanted{xml: virt.DiskXML(d), target: d.Text("target")}, nil
	}
	if card := o.arguments.Object("interface"); card != nil {
		if card.Text("mac") == "" {
			h := derive(o.call.Key, "mac")
			card["mac"] = "52:54:00:" + h[0:2] + ":" + h[2:4] + ":" + h[4:6]
		}
		return wanted{xml: virt.InterfaceXML(card), mac: card.Text("mac")}, nil
	}
	review, err := o.review()
	if err != nil {
		return wanted{}, err
	}
	var names struct {
		Target struct {
			Dev string `xml:"dev,attr"`
		} `xml:"target"`
		MAC struct {
			Address string `xml:"address,attr"`
		} `xml:"mac"`
	}
	if err := xml.Unmarshal([]byte(review.XML), &names); err != nil {
		return wanted{}, virt.Errorf(virt.Invalid, "xml: %v", err)
	}
	return wanted{review.XML, names.Target.Dev, names.MAC.Address}, nil
}

// freeTarget is the first name that no disk of the guest has.
func (g *guest) freeTarget(bus string) (string, error) {
	prefix := map[string]string{"virtio": "vd", "ide": "hd"}[bus]
	if prefix == "" {
		prefix = "sd"
	}
	taken := map[string]bool{}
	for _, flags := range []libvirt.DomainXMLFlags{0, libvirt.DOMAIN_XML_INACTIVE} {
		text, err := g.GetXMLDesc(flags)
		if err != nil {
			return "", err
		}
		s, err := readShape(text)
		if err != nil {
			return "", err
		}
		for _, d := range s.Disks {
			taken[d.Target.Dev] = true
		}
	}
	for c := 'a'; c <= 'z'; c++ {
		if name := prefix + string(c); !taken[name] {
			return name, nil
		}
	}
	return "", virt.Errorf(virt.Busy, "%s has no name left for a disk", g.name)
}

func attach(o *operation, g *guest) (bool, error) {
	impact, err := o.impact(g)
	if err != nil {
		return false, err
	}
	w, err := o.wantedAgain(g)
	if err != nil || w == nil {
		return false, err
	}
	return true, g.AttachDeviceFlags(w.xml, libvirt.DomainDeviceModifyFlags(impact))
}

// wantedAgain is what is still to be attached: nothing where an earlier attempt did it.
func (o *operation) wantedAgain(g *guest) (*wanted, error) {
	if o.call.Retry {
		if done, err := o.attached(g); err != nil || done {
			return nil, err
		}
	}
	w, err := o.wanted(g)
	if err != nil {
		return nil, err
	}
	there, err := g.device(0, w.target, w.mac)
	if err != nil {
		return nil, err
	}
	if there != "" {
		return nil, virt.Errorf(virt.Busy, "%s already has a device %s", g.name, w.target+w.mac)
	}
	return &w, nil
}

// attached says whether the guest has the device by its source, which its name need not tell.
func (o *operation) attached(g *guest) (bool, error) {
	if d := o.arguments.Object("disk"); d != nil {
		disks, err := g.allDisks()
		for _, has := range disks {
			if has.Source.Pool == d.Text("pool") && has.Source.Volume == d.Text("volume") {
				return true, err
			}
		}
		return false, err
	}
	w, err := o.wanted(g)
	if err != nil {
		return false, err
	}
	there, err := g.device(0, w.target, w.mac)
	return there != "", err
}

func (g *guest) allDisks() ([]diskShape, error) {
	var all []diskShape
	for _, flags := range []libvirt.DomainXMLFlags{0, libvirt.DOMAIN_XML_INACTIVE} {
		text, err := g.GetXMLDesc(flags)
		if err != nil {
			return nil, err
		}
		s, err := readShape(text)
		if err != nil {
			return nil, err
		}
		all = append(all, s.Disks...)
	}
	return all, nil
}

func detach(o *operation, g *guest) (bool, error) {
	impact, err := o.impact(g)
	if err != nil {
		return false, err
	}
	target, mac := o.arguments.Text("target"), o.arguments.Text("mac")
	found := false
	for _, place := range []struct {
		impact libvirt.DomainModificationImpact
		flags  libvirt.DomainXMLFlags
	}{{libvirt.DOMAIN_AFFECT_LIVE, 0}, {libvirt.DOMAIN_AFFECT_CONFIG, libvirt.DOMAIN_XML_INACTIVE}} {
		if impact&place.impact == 0 {
			continue
		}
		text, err := g.device(place.flags, target, mac)
		if err != nil {
			return false, err
		}
		if text == "" {
			continue
		}
		found = true
		if err := g.DetachDeviceFlags(text, libvirt.DomainDeviceModifyFlags(place.impact)); err != nil {
			return false, err
		}
	}
	if !found {
		if o.call.Retry {
			return false, nil
		}
		return false, virt.Errorf(virt.NotFound, "%s has no device %s", g.name, target+mac)
	}
	if impact&libvirt.DOMAIN_AFFECT_LIVE == 0 {
		return true, nil
	}
	gone, err := o.await("waiting until "+g.name+" lets go of "+target+mac, func() (bool, error) {
		text, err := g.device(0, target, mac)
		return text == "", err
	})
	if err == nil && !gone {
		err = virt.Errorf(virt.Timeout, "%s did not let go of %s within %d s", g.name, target+mac, o.arguments.Int("deadline"))
	}
	return true, err
}

func updateDevice(o *operation, g *guest) (bool, error) {
	impact, err := o.impact(g)
	if err != nil {
		return false, err
	}
	if d := o.arguments.Object("disk"); d != nil && strings.TrimSpace(d.Text("target")) == "" {
		return false, virt.Errorf(virt.Invalid, "disk.target says which disk is to change")
	}
	w, err := o.wanted(g)
	if err != nil {
		return false, err
	}
	return true, g.UpdateDeviceFlags(w.xml, libvirt.DomainDeviceModifyFlags(impact))
}
