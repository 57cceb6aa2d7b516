//go:build libvirt_dlopen && cgo

package libvirt

import (
	"context"
	"sync"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

// Built says whether this program can use libvirt.
const Built = true

// Host is the libvirt host of one URI, with a connection that reads and one that
// changes, each opened when it is first needed and again when it has broken.
type Host struct {
	uri string

	events sync.Once
	mu     sync.Mutex
	read   *libvirt.Connect
	write  *libvirt.Connect
}

// New returns the host of a URI; nothing is opened yet.
func New(uri string) *Host { return &Host{uri: uri} }

// Keepalive finds a daemon that hangs: so many seconds between questions, and so
// many left unanswered.
const (
	keepaliveInterval = 5
	keepaliveCount    = 3
)

// connect returns the connection; it is alive as far as is known.
func (h *Host) connect(readOnly bool) (*libvirt.Connect, error) {
	h.events.Do(startEvents)
	h.mu.Lock()
	defer h.mu.Unlock()
	place := &h.write
	if readOnly {
		place = &h.read
	}
	if *place != nil {
		if alive, err := (*place).IsAlive(); err == nil && alive {
			return *place, nil
		}
		_, _ = (*place).Close()
		*place = nil
	}
	c, err := open(h.uri, readOnly)
	if err != nil {
		return nil, connectionError(h.uri, err)
	}
	*place = c
	return c, nil
}

func open(uri string, readOnly bool) (*libvirt.Connect, error) {
	connect := libvirt.NewConnect
	if readOnly {
		connect = libvirt.NewConnectReadOnly
	}
	c, err := connect(uri)
	if err != nil {
		return nil, err
	}
	// Drivers without a daemon, such as test:///default, have no keepalive.
	_ = c.SetKeepAlive(keepaliveInterval, keepaliveCount)
	return c, nil
}

// startEvents runs libvirt's event loop, without which there is no keepalive.
func startEvents() {
	if libvirt.EventRegisterDefaultImpl() != nil {
		return // without the library, of which opening a connection tells
	}
	// A timer gives the loop something to do before there is a connection.
	_, _ = libvirt.EventAddTimeout(60_000, func(int) {})
	go func() {
		for libvirt.EventRunDefaultImpl() == nil {
		}
	}()
}

// Execute carries one call out.
func (h *Host) Execute(ctx context.Context, call virt.Call, progress func(virt.Progress)) (any, error) {
	do, ok := table[call.Operation]
	if !ok {
		return nil, virt.Errorf(virt.Unsupported, "%s is not carried out by this version", call.Operation)
	}
	c, err := h.connect(call.ReadOnly)
	if err != nil {
		return nil, err
	}
	result, err := do(&operation{ctx: ctx, conn: c, call: call, arguments: call.Arguments, progress: progress})
	if err != nil {
		return nil, asError(err)
	}
	return result, nil
}

// operation is one call that is being carried out.
type operation struct {
	ctx       context.Context //nolint:containedctx // it lives as long as the call
	conn      *libvirt.Connect
	call      virt.Call
	arguments virt.Arguments
	progress  func(virt.Progress)
}

// table has how each operation is carried out.
var table = map[string]func(*operation) (any, error){
	"domain.list": listDomains, "domain.info": domainInfo, "domain.state": domainState, "domain.stats": domainStats,
	"domain.wait": waitForDomain, "domain.getxml": domainXML, "domain.screenshot": screenshot,
	"domain.console-log": consoleLog, "domain.guest-info": guestInfo,

	"domain.start": onGuest(start), "domain.stop": onGuest(stop), "domain.reboot": onGuest(reboot), "domain.reset": onGuest(reset),
	"domain.suspend": onGuest(suspend), "domain.resume": onGuest(resume), "domain.save": onGuest(save), "domain.restore": onGuest(restore),

	"domain.define": defineDomain, "domain.create": createDomain, "domain.delete": deleteDomain,
	"domain.rename": onGuest(rename), "domain.migrate": migrate,

	"domain.autostart": onGuest(autostart), "domain.set-memory": onGuest(setMemory), "domain.set-vcpus": onGuest(setVCPUs),
	"domain.block-resize": onGuest(blockResize), "domain.attach": onGuest(attach), "domain.detach": onGuest(detach),
	"domain.update-device": onGuest(updateDevice),

	"snapshot.create": createSnapshot, "snapshot.list": listSnapshots, "snapshot.revert": revertSnapshot, "snapshot.delete": deleteSnapshot,

	"host.info": hostInfo, "host.capabilities": capabilities, "host.memory": hostMemory, "host.cpu": hostCPU,

	"network.list": listNetworks, "network.info": networkInfo, "network.leases": networkLeases, "network.define": defineNetwork,
	"network.start": startNetwork, "network.stop": stopNetwork, "network.delete": deleteNetwork,

	"storage.list": listPools, "storage.info": poolInfo, "storage.refresh": refreshPool,

	"volume.list": listVolumes, "volume.create": createVolume, "volume.clone": cloneVolume, "volume.resize": resizeVolume,
	"volume.delete": deleteVolume, "volume.upload": uploadVolume, "volume.download": downloadVolume,
}
