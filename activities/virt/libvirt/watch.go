//go:build libvirt_dlopen && cgo

package libvirt

import (
	"context"
	"time"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

// aliveEvery is how often a watch looks whether its connection still lives.
const aliveEvery = time.Second

// Watch tells what happens to guests, over a connection of its own that only
// reads. Events are asked for before guests are listed, so that nothing is missed
// in between; something may be told twice.
func (h *Host) Watch(ctx context.Context, tell func(virt.Happening)) error {
	h.events.Do(startEvents)
	c, err := open(h.uri, true)
	if err != nil {
		return connectionError(h.uri, err)
	}
	defer func() { _, _ = c.Close() }()
	id, err := c.DomainEventLifecycleRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, e *libvirt.DomainEventLifecycle) {
		if happening, ok := happened(d, e); ok {
			tell(happening)
		}
	})
	if err != nil {
		return asError(err)
	}
	defer func() { _ = c.DomainEventDeregister(id) }()
	first, err := allGuests(c)
	if err != nil {
		return asError(err)
	}
	tell(first)
	ticker := time.NewTicker(aliveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			if alive, err := c.IsAlive(); err != nil || !alive {
				return virt.Errorf(virt.Unreachable, "the connection to %s broke", h.uri)
			}
		}
	}
}

func happened(d *libvirt.Domain, e *libvirt.DomainEventLifecycle) (virt.Happening, bool) {
	event, detail := virt.Lifecycle(int(e.Event), e.Detail)
	name, err := d.GetName()
	if err != nil || event == "" {
		return virt.Happening{}, false
	}
	uuid, err := d.GetUUIDString()
	return virt.Happening{Guest: virt.GuestState{Name: name, UUID: uuid}, Event: event, Detail: detail}, err == nil
}

func allGuests(c *libvirt.Connect) (virt.Happening, error) {
	list, err := listDomains(&operation{conn: c, arguments: virt.Arguments{"state": "all"}})
	if err != nil {
		return virt.Happening{}, err
	}
	first := virt.Happening{First: true}
	for _, d := range list.(virt.DomainList).Domains {
		first.Guests = append(first.Guests, virt.GuestState{Name: d.Name, UUID: d.UUID, State: d.State})
	}
	return first, nil
}
