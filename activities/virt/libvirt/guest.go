//go:build libvirt_dlopen && cgo

package libvirt

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

// guest is a domain that has been found.
type guest struct {
	*libvirt.Domain
	name, uuid string
}

// find is the guest that the arguments name. The caller frees it. It is told
// first, so that a retry finds the same one whatever it is called by then.
func (o *operation) find() (*guest, error) {
	d, err := o.lookup()
	if err != nil {
		return nil, err
	}
	g := &guest{Domain: d}
	if g.name, err = d.GetName(); err == nil {
		g.uuid, err = d.GetUUIDString()
	}
	if err == nil {
		err = o.agrees(g)
	}
	if err != nil {
		_ = d.Free()
		return nil, err
	}
	if o.call.Resolved == "" {
		o.progress(virt.Progress{Resolved: g.uuid, Text: g.name})
	}
	return g, nil
}

func (o *operation) lookup() (*libvirt.Domain, error) {
	uuid := o.arguments.Text("uuid")
	if o.call.Resolved != "" {
		uuid = o.call.Resolved
	}
	if uuid != "" {
		d, err := o.conn.LookupDomainByUUIDString(uuid)
		if isCode(err, libvirt.ERR_NO_DOMAIN) {
			return nil, virt.Errorf(virt.NotFound, "there is no guest with the UUID %s", uuid)
		}
		return d, err
	}
	name := o.arguments.Text("name")
	d, err := o.conn.LookupDomainByName(name)
	if isCode(err, libvirt.ERR_NO_DOMAIN) {
		return nil, virt.Errorf(virt.NotFound, "there is no guest %q", name)
	}
	return d, err
}

// agrees holds the name against the UUID where both were given.
func (o *operation) agrees(g *guest) error {
	name := o.arguments.Text("name")
	if o.call.Resolved == "" && name != "" && name != g.name {
		return virt.Errorf(virt.NotFound, "the guest with the UUID %s is called %q, not %q", g.uuid, g.name, name)
	}
	return nil
}

// vanished says whether a retry finds gone what the attempt before was to remove.
func (o *operation) vanished(err error) bool {
	var e *virt.Error
	return o.call.Retry && o.call.Resolved != "" && errors.As(err, &e) && e.Code == virt.NotFound
}

func (g *guest) state() (libvirt.DomainState, error) {
	state, _, err := g.GetState()
	return state, err
}

func (g *guest) active() (bool, error) { return g.IsActive() }

// onGuest makes an operation of a change to one guest; the change says whether
// anything was done.
func onGuest(change func(*operation, *guest) (bool, error)) func(*operation) (any, error) {
	return func(o *operation) (any, error) {
		g, err := o.find()
		if err != nil {
			return nil, err
		}
		defer func() { _ = g.Free() }()
		changed, err := change(o, g)
		if err != nil {
			return nil, err
		}
		return g.changed(changed), nil
	}
}

// changed is the result of a change. A transient guest may be gone by now.
func (g *guest) changed(changed bool) virt.DomainChange {
	result := virt.DomainChange{Name: g.name, UUID: g.uuid, State: "shutoff", Changed: changed}
	if state, err := g.state(); err == nil {
		result.State = stateName(state)
	}
	return result
}

var stateNames = map[libvirt.DomainState]string{
	libvirt.DOMAIN_NOSTATE: "nostate", libvirt.DOMAIN_RUNNING: "running", libvirt.DOMAIN_BLOCKED: "blocked",
	libvirt.DOMAIN_PAUSED: "paused", libvirt.DOMAIN_SHUTDOWN: "shutdown", libvirt.DOMAIN_SHUTOFF: "shutoff",
	libvirt.DOMAIN_CRASHED: "crashed", libvirt.DOMAIN_PMSUSPENDED: "pmsuspended",
}

func stateName(state libvirt.DomainState) string {
	if name, ok := stateNames[state]; ok {
		return name
	}
	return "nostate"
}

// pollEvery is how often a wait looks again.
const pollEvery = 200 * time.Millisecond

// await looks until done says so. False means that the deadline came first.
func (o *operation) await(what string, done func() (bool, error)) (bool, error) {
	limit := time.Duration(o.arguments.Int("deadline")) * time.Second
	begun := time.Now()
	for {
		ok, err := done()
		if ok || err != nil {
			return ok, err
		}
		passed := time.Since(begun)
		if passed >= limit {
			return false, nil
		}
		o.progress(virt.Progress{Text: what, Percent: 100 * passed.Seconds() / limit.Seconds()})
		select {
		case <-o.ctx.Done():
			return false, o.ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// derive makes a UUID (version 8) of the request's key: each attempt makes the same.
func derive(key, purpose string) string {
	sum := sha256.Sum256([]byte("lazaret\x00" + purpose + "\x00" + key))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
