//go:build libvirt_dlopen && cgo

package libvirt

import (
	"encoding/base64"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

func listVolumes(o *operation) (any, error) {
	return onPool(o, func(p *libvirt.StoragePool) (any, error) {
		all, err := p.ListAllStorageVolumes(0)
		if err != nil {
			return nil, err
		}
		list := virt.VolumeList{Volumes: []virt.Volume{}}
		for i := range all {
			v, err := describeVolume(&all[i])
			_ = all[i].Free()
			if isCode(err, libvirt.ERR_NO_STORAGE_VOL) {
				continue
			}
			if err != nil {
				return nil, err
			}
			list.Volumes = append(list.Volumes, v)
		}
		slices.SortFunc(list.Volumes, func(a, b virt.Volume) int { return strings.Compare(a.Name, b.Name) })
		return list, nil
	})
}

func describeVolume(v *libvirt.StorageVol) (virt.Volume, error) {
	name, err := v.GetName()
	if err != nil {
		return virt.Volume{}, err
	}
	info, err := v.GetInfo()
	if err != nil {
		return virt.Volume{}, err
	}
	return virt.Volume{Name: name, Capacity: info.Capacity, Allocation: info.Allocation}, nil
}

func lookupVolume(p *libvirt.StoragePool, pool, name string) (*libvirt.StorageVol, error) {
	v, err := p.LookupStorageVolByName(name)
	if isCode(err, libvirt.ERR_NO_STORAGE_VOL) {
		return nil, virt.Errorf(virt.NotFound, "storage pool %q has no volume %q", pool, name)
	}
	return v, err
}

func onVolume(o *operation, do func(*libvirt.StorageVol) (any, error)) (any, error) {
	return onPool(o, func(p *libvirt.StoragePool) (any, error) {
		v, err := lookupVolume(p, o.arguments.Text("pool"), o.arguments.Text("volume"))
		if err != nil {
			return nil, err
		}
		defer func() { _ = v.Free() }()
		return do(v)
	})
}

func (o *operation) volumeChange(v *libvirt.StorageVol, changed bool) (any, error) {
	d, err := describeVolume(v)
	return virt.VolumeChange{Pool: o.arguments.Text("pool"), Volume: d.Name, Capacity: d.Capacity, Changed: changed}, err
}

// makeVolume makes a volume unless an earlier attempt did.
func (o *operation) makeVolume(p *libvirt.StoragePool, create func() (*libvirt.StorageVol, error)) (any, error) {
	name := o.arguments.Text("volume")
	if v, err := p.LookupStorageVolByName(name); err == nil {
		defer func() { _ = v.Free() }()
		if !o.call.Retry {
			return nil, virt.Errorf(virt.Busy, "storage pool %q already has a volume %q", o.arguments.Text("pool"), name)
		}
		return o.volumeChange(v, false)
	}
	v, err := create()
	if err != nil {
		return nil, err
	}
	defer func() { _ = v.Free() }()
	return o.volumeChange(v, true)
}

func createVolume(o *operation) (any, error) {
	return onPool(o, func(p *libvirt.StoragePool) (any, error) {
		return o.makeVolume(p, func() (*libvirt.StorageVol, error) {
			return p.StorageVolCreateXML(virt.VolumeXML(o.arguments.Text("volume"), o.arguments.Int("capacity"), o.arguments.Text("format")), 0)
		})
	})
}

func cloneVolume(o *operation) (any, error) {
	return onPool(o, func(p *libvirt.StoragePool) (any, error) {
		from := o.arguments.Text("fromPool")
		if from == "" {
			from = o.arguments.Text("pool")
		}
		source, err := o.pool(from)
		if err != nil {
			return nil, err
		}
		defer func() { _ = source.Free() }()
		original, err := lookupVolume(source, from, o.arguments.Text("from"))
		if err != nil {
			return nil, err
		}
		defer func() { _ = original.Free() }()
		info, err := describeVolume(original)
		if err != nil {
			return nil, err
		}
		o.progress(virt.Progress{Text: "copying " + info.Name})
		made, err := o.makeVolume(p, func() (*libvirt.StorageVol, error) {
			return p.StorageVolCreateXMLFrom(virt.VolumeXML(o.arguments.Text("volume"), count(info.Capacity), formatOf(original)), original, 0)
		})
		if err != nil || o.arguments.Int("capacity") == 0 {
			return made, err
		}
		return resizeVolume(o)
	})
}

// formatOf is the format of a volume, or empty where its pool has none.
func formatOf(v *libvirt.StorageVol) string {
	text, err := v.GetXMLDesc(0)
	if err != nil {
		return ""
	}
	_, after, ok := strings.Cut(text, "<format type='")
	if !ok {
		return ""
	}
	format, _, _ := strings.Cut(after, "'")
	return format
}

func resizeVolume(o *operation) (any, error) {
	return onVolume(o, func(v *libvirt.StorageVol) (any, error) {
		info, err := describeVolume(v)
		if err != nil {
			return nil, err
		}
		want := uint64(o.arguments.Int("capacity")) //nolint:gosec // positive, by its range
		switch {
		case info.Capacity == want:
			return o.volumeChange(v, false)
		case info.Capacity > want:
			return nil, virt.Errorf(virt.Busy, "%s has %d bytes; a volume is not made smaller, which would cut off what is on it", info.Name, info.Capacity)
		}
		if err := v.Resize(want, 0); err != nil {
			return nil, err
		}
		return o.volumeChange(v, true)
	})
}

func deleteVolume(o *operation) (any, error) {
	return onPool(o, func(p *libvirt.StoragePool) (any, error) {
		pool, name := o.arguments.Text("pool"), o.arguments.Text("volume")
		v, err := lookupVolume(p, pool, name)
		if err != nil {
			if o.call.Retry && asError(err).Code == virt.NotFound {
				return virt.VolumeChange{Pool: pool, Volume: name}, nil
			}
			return nil, err
		}
		defer func() { _ = v.Free() }()
		if err := v.Delete(libvirt.STORAGE_VOL_DELETE_NORMAL); err != nil {
			return nil, err
		}
		return virt.VolumeChange{Pool: pool, Volume: name, Changed: true}, nil
	})
}

func uploadVolume(o *operation) (any, error) {
	return onVolume(o, func(v *libvirt.StorageVol) (any, error) {
		data, err := base64.StdEncoding.DecodeString(o.arguments.Text("data"))
		if err != nil {
			return nil, err
		}
		s, err := o.stream()
		if err != nil {
			return nil, err
		}
		defer s.close()
		offset := uint64(o.arguments.Int("offset")) //nolint:gosec // not negative, by its range
		if err := v.Upload(s.Stream, offset, uint64(len(data)), 0); err != nil {
			return nil, err
		}
		if err := s.send(data); err != nil {
			return nil, err
		}
		if err := s.Finish(); err != nil {
			return nil, err
		}
		return o.volumeChange(v, true)
	})
}

func downloadVolume(o *operation) (any, error) {
	return onVolume(o, func(v *libvirt.StorageVol) (any, error) {
		s, err := o.stream()
		if err != nil {
			return nil, err
		}
		defer s.close()
		offset, length := uint64(o.arguments.Int("offset")), o.arguments.Int("length") //nolint:gosec // not negative, by its range
		if err := v.Download(s.Stream, offset, uint64(length), 0); err != nil {        //nolint:gosec // positive, by its range
			return nil, err
		}
		var data []byte
		err = s.receive(func(part []byte) error {
			if data = append(data, part...); int64(len(data)) >= length {
				return errEnough
			}
			return nil
		})
		data = data[:min(int64(len(data)), length)]
		return virt.Blob{Data: base64.StdEncoding.EncodeToString(data), Length: len(data)}, err
	})
}
