//go:build libvirt_dlopen && cgo

package libvirt

import (
	"encoding/xml"
	"fmt"
	"strings"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

// shape is what we read of a guest's XML.
type shape struct {
	Name  string      `xml:"name"`
	UUID  string      `xml:"uuid"`
	Disks []diskShape `xml:"devices>disk"`
	Cards []struct {
		MAC struct {
			Address string `xml:"address,attr"`
		} `xml:"mac"`
	} `xml:"devices>interface"`
}

type diskShape struct {
	Device string `xml:"device,attr"`
	Source struct {
		Pool   string `xml:"pool,attr"`
		Volume string `xml:"volume,attr"`
		File   string `xml:"file,attr"`
	} `xml:"source"`
	Target struct {
		Dev string `xml:"dev,attr"`
	} `xml:"target"`
	ReadOnly  *struct{} `xml:"readonly"`
	Shareable *struct{} `xml:"shareable"`
}

func readShape(text string) (shape, error) {
	var s shape
	if err := xml.Unmarshal([]byte(text), &s); err != nil {
		return s, virt.Errorf(virt.Failed, "a guest's XML cannot be read: %v", err)
	}
	return s, nil
}

// disk is where a guest's disk is kept.
type disk struct {
	target             string
	pool, volume, file string
	shared             bool // read only, a CD, or shareable
}

// disks are those of the definition that the guest starts with.
func (g *guest) disks() ([]disk, error) {
	text, err := g.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
	if err != nil {
		return nil, err
	}
	s, err := readShape(text)
	if err != nil {
		return nil, err
	}
	var all []disk
	for _, d := range s.Disks {
		if d.Source.Pool == "" && d.Source.File == "" {
			continue
		}
		all = append(all, disk{
			target: d.Target.Dev, pool: d.Source.Pool, volume: d.Source.Volume, file: d.Source.File,
			shared: d.ReadOnly != nil || d.Shareable != nil || d.Device == "cdrom",
		})
	}
	return all, nil
}

// device is the text of the guest's device that has this target or address, or empty.
func (g *guest) device(flags libvirt.DomainXMLFlags, target, mac string) (string, error) {
	text, err := g.GetXMLDesc(flags)
	if err != nil {
		return "", err
	}
	return deviceIn(text, target, mac)
}

func deviceIn(text, target, mac string) (string, error) {
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		from := decoder.InputOffset()
		token, err := decoder.Token()
		if err != nil {
			return "", nil //nolint:nilerr // the end: there is none
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "disk" && start.Name.Local != "interface" {
			continue
		}
		var found struct {
			Target struct {
				Dev string `xml:"dev,attr"`
			} `xml:"target"`
			MAC struct {
				Address string `xml:"address,attr"`
			} `xml:"mac"`
		}
		if err := decoder.DecodeElement(&found, &start); err != nil {
			return "", fmt.Errorf("a guest's XML cannot be read: %w", err)
		}
		if start.Name.Local == "disk" && target != "" && found.Target.Dev == target ||
			start.Name.Local == "interface" && mac != "" && found.MAC.Address == mac {
			return text[from:decoder.InputOffset()], nil
		}
	}
}
