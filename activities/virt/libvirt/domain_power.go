//go:build libvirt_dlopen && cgo

package libvirt

import (
	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

func start(o *operation, g *guest) (bool, error) {
	active, err := g.active()
	if active || err != nil {
		return false, err
	}
	var flags libvirt.DomainCreateFlags
	if o.arguments.Bool("paused") {
		flags = libvirt.DOMAIN_START_PAUSED
	}
	return true, g.CreateWithFlags(flags)
}

func stop(o *operation, g *guest) (bool, error) {
	active, err := g.active()
	if !active || err != nil {
		return false, err
	}
	mode := o.arguments.Text("mode")
	if mode == "force" {
		return true, g.switchOff()
	}
	if err := g.wakeForShutdown(); err != nil {
		return false, err
	}
	asked := false
	off, err := o.await("waiting until "+g.name+" is off", func() (bool, error) {
		active, err := g.active()
		if isCode(err, libvirt.ERR_NO_DOMAIN) || err == nil && !active {
			return true, nil
		}
		if err == nil && !asked {
			asked, err = true, g.Shutdown()
		}
		return false, err
	})
	switch {
	case err != nil:
		return false, err
	case off:
		return true, nil
	case mode == "graceful":
		return false, virt.Errorf(virt.Timeout, "%s did not shut down within %d s; it still runs", g.name, o.arguments.Int("deadline"))
	}
	return true, g.switchOff()
}

// wakeForShutdown refuses to wait for a guest that cannot answer.
func (g *guest) wakeForShutdown() error {
	state, err := g.state()
	if err == nil && state == libvirt.DOMAIN_PAUSED {
		return virt.Errorf(virt.Busy, "%s is paused and cannot shut down; resume it, or stop it by force", g.name)
	}
	return err
}

// switchOff destroys it; that it went off by itself just now is as good.
func (g *guest) switchOff() error {
	err := g.Destroy()
	if isCode(err, libvirt.ERR_OPERATION_INVALID) || isCode(err, libvirt.ERR_NO_DOMAIN) {
		if active, gone := g.active(); gone != nil || !active {
			return nil //nolint:nilerr // it is off, or away
		}
	}
	return err
}

func reboot(o *operation, g *guest) (bool, error) {
	return o.once(g, func() error { return g.Reboot(libvirt.DOMAIN_REBOOT_DEFAULT) })
}

func reset(o *operation, g *guest) (bool, error) {
	return o.once(g, func() error { return g.Reset(0) })
}

func suspend(_ *operation, g *guest) (bool, error) {
	state, err := g.state()
	if err != nil || state == libvirt.DOMAIN_PAUSED {
		return false, err
	}
	return true, g.Suspend()
}

func resume(_ *operation, g *guest) (bool, error) {
	state, err := g.state()
	if err != nil || state == libvirt.DOMAIN_RUNNING {
		return false, err
	}
	return true, g.Resume()
}

func save(_ *operation, g *guest) (bool, error) {
	active, err := g.active()
	if err != nil {
		return false, err
	}
	if !active {
		if saved, err := g.HasManagedSaveImage(0); err != nil || saved {
			return false, err
		}
		return false, virt.Errorf(virt.Busy, "%s is off: there is no memory to save", g.name)
	}
	return true, g.ManagedSave(0)
}

func restore(o *operation, g *guest) (bool, error) {
	active, err := g.active()
	if err != nil {
		return false, err
	}
	if active {
		if o.call.Retry {
			return false, nil
		}
		return false, virt.Errorf(virt.Busy, "%s runs", g.name)
	}
	saved, err := g.HasManagedSaveImage(0)
	if err != nil {
		return false, err
	}
	if !saved {
		return false, virt.Errorf(virt.NotFound, "%s has no saved memory; start it instead", g.name)
	}
	return true, g.Create()
}
