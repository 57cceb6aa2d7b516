//go:build libvirt_dlopen && cgo

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/policies"
)

// libvirtHost is libvirt's test driver, which answers without a daemon, so that
// the figures are those of the way to it.
const (
	libvirtHost  = "test:///default"
	libvirtGuest = "test"
)

// libvirtSection measures what the broker adds to libvirt's own calls.
func libvirtSection(ctx context.Context, b *bench) (_ []*group, err error) {
	m, err := newMachines(filepath.Join(b.dir, "libvirt"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	one := &group{name: "domain.info, one at a time", unit: "µs", probes: []probe{
		micro(timed("libvirt from Go, one connection", m.direct)),
		micro(timed("a process of its own, nothing judged or recorded", m.confined)),
		micro(timed("the broker: policy, audit log, a process of its own", m.brokered)),
	}}
	workers := 2 * runtime.NumCPU()
	crowded := &group{name: fmt.Sprintf("domain.info, %d at a time without a pause, per operation", workers), unit: "µs", probes: []probe{
		micro(saturated("libvirt from Go, one connection", workers, m.direct)),
		micro(saturated("a process of its own, nothing judged or recorded", workers, m.confined)),
		micro(saturated("the broker: policy, audit log, a process of its own", workers, m.brokered)),
	}}
	return measureAll(ctx, b.rounds, sized{one, 40 * b.effort}, sized{crowded, 5 * b.effort})
}

// micro is a probe whose samples a group in microseconds takes.
func micro(p probe) probe {
	return probe{rows: p.rows, take: func(ctx context.Context) ([]time.Duration, error) {
		took, err := p.take(ctx)
		for i := range took {
			took[i] = units(float64(took[i].Nanoseconds()) / 1e3)
		}
		return took, err
	}}
}

// machines reach the same host in each way.
type machines struct {
	connection *libvirt.Connect
	pool       *driver.Pool
	log        *audit.Log
	broker     *virt.Broker
}

func newMachines(dir string) (*machines, error) {
	m := &machines{}
	var err error
	if m.connection, err = libvirt.NewConnectReadOnly(libvirtHost); err != nil {
		return nil, fmt.Errorf("%s (scripts/install bench installs libvirt): %w", libvirtHost, err)
	}
	if m.pool, err = driver.NewPool(); err != nil {
		return nil, err
	}
	if m.log, err = audit.Open(dir, audit.Limits{}, nil); err != nil {
		return nil, err
	}
	policy := policies.DefaultLibvirt(activities.LibvirtOperations())
	policy.PerMinute = 0 // the figures are not of the limit
	m.broker = activities.NewLibvirtBroker(m.pool, policy, m.log)
	return m, nil
}

func (m *machines) close() error {
	_, err := m.connection.Close()
	return errors.Join(err, m.pool.Close(), m.log.Close())
}

// direct asks what the operation asks.
func (m *machines) direct(context.Context) error {
	d, err := m.connection.LookupDomainByName(libvirtGuest)
	if err != nil {
		return err
	}
	defer func() { _ = d.Free() }()
	var answer virt.Domain
	answer.Name, err = d.GetName()
	if err != nil {
		return err
	}
	if answer.UUID, err = d.GetUUIDString(); err != nil {
		return err
	}
	info, err := d.GetInfo()
	if err != nil {
		return err
	}
	answer.Memory, answer.MaxMemory, answer.VCPUs, answer.CPUTime = info.Memory>>10, info.MaxMem>>10, info.NrVirtCpu, info.CpuTime
	id, err := d.GetID()
	if err != nil {
		return err
	}
	answer.ID = int(id)
	if answer.Autostart, err = d.GetAutostart(); err != nil {
		return err
	}
	if answer.Persistent, err = d.IsPersistent(); err != nil {
		return err
	}
	return expectGuest(json.Marshal(answer))
}

func (m *machines) confined(ctx context.Context) error {
	return expectGuest(m.pool.Call(ctx, virt.Call{
		Operation: "domain.info", URI: libvirtHost, ReadOnly: true, Arguments: virt.Arguments{"name": libvirtGuest},
	}, func(virt.Progress) {}))
}

func (m *machines) brokered(ctx context.Context) error {
	return expectGuest(m.broker.Call(ctx, virt.Request{
		Operation: "domain.info", URI: libvirtHost, Arguments: map[string]any{"name": libvirtGuest},
		Identity: virt.Identity{Definition: "bench/libvirt", Caller: "task"},
	}))
}

func expectGuest(raw json.RawMessage, err error) error {
	if err != nil {
		return err
	}
	var answer virt.Domain
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Name != libvirtGuest {
		return fmt.Errorf("the answer is %q", raw)
	}
	return nil
}
