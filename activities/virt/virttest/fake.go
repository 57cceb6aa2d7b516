package virttest

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/google/uuid"

	"lazaret.dev/lazaret/activities/virt"
)

// Fake is a virt.Driver that keeps one host in memory: guests, snapshots,
// networks, and one pool of volumes. It does what libvirt's own test driver does,
// as Conform holds both to, at once and without a library, a process or a daemon.
// What only real guests can do (devices, screens, consoles, agents, migration) it
// refuses as unsupported. It is safe for concurrent use.
type Fake struct {
	// Before, if set, runs before each operation, outside the lock: tests delay or
	// break the call there. An error is the operation's, which then does nothing.
	Before func(ctx context.Context, call virt.Call) error
	// After, if set, runs when the operation has taken effect: an error loses the answer.
	After func(ctx context.Context, call virt.Call) error

	mu       sync.Mutex
	guests   map[string]*fakeGuest // by UUID
	networks map[string]*virt.Network
	volumes  map[string]*virt.Volume
	nextID   int
}

// FakePool is the name of a Fake's only storage pool.
const FakePool = "default-pool"

// NewFake returns a host without guests, networks and volumes.
func NewFake() *Fake {
	return &Fake{guests: map[string]*fakeGuest{}, networks: map[string]*virt.Network{}, volumes: map[string]*virt.Volume{}}
}

// fakeCall is one operation on the host, whose lock is held.
type fakeCall struct {
	*Fake
	virt.Call
	progress func(virt.Progress)
}

// Call carries an operation out.
func (f *Fake) Call(ctx context.Context, call virt.Call, progress func(virt.Progress)) (json.RawMessage, error) {
	operation, ok := virt.Find(call.Operation)
	if !ok {
		return nil, virt.Errorf(virt.Invalid, "%s is no operation", call.Operation)
	}
	if call.ReadOnly && (operation.Changes || operation.Privileged) {
		return nil, virt.Errorf(virt.Denied, "%s is forbidden for a connection that reads", call.Operation)
	}
	act, ok := fakeOperations[call.Operation]
	if !ok {
		return nil, virt.Errorf(virt.Unsupported, "the fake cannot %s", call.Operation)
	}
	if f.Before != nil {
		if err := f.Before(ctx, call); err != nil {
			return nil, err
		}
	}
	result, err := f.act(ctx, act, fakeCall{f, call, progress})
	if err != nil {
		return nil, err
	}
	if f.After != nil {
		if err := f.After(ctx, call); err != nil {
			return nil, err
		}
	}
	return json.Marshal(result)
}

// errNotYet is how an operation says that it waits for a state.
var errNotYet = virt.Errorf(virt.Timeout, "the state did not come within the deadline")

// fakePoll is how often a waiting operation looks again.
const fakePoll = 5 * time.Millisecond

func (f *Fake) act(ctx context.Context, act func(fakeCall) (any, error), call fakeCall) (any, error) {
	limit := time.Now().Add(time.Duration(call.Arguments.Int("deadline")) * time.Second)
	for {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		f.mu.Lock()
		result, err := act(call)
		f.mu.Unlock()
		if err != error(errNotYet) || time.Now().After(limit) { //nolint:errorlint // this very value
			return result, err
		}
		time.Sleep(fakePoll)
	}
}

// id is the UUID that the arguments give, or one made of the request's key, so
// that each attempt makes the same.
func (c fakeCall) id() string {
	if given := c.Arguments.Text("uuid"); given != "" {
		return given
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(c.Operation+"\x00"+c.Key)).String()
}

var fakeOperations = map[string]func(fakeCall) (any, error){
	"domain.list": fakeCall.listGuests, "domain.info": fakeRead(func(g *fakeGuest) any { return g.Domain }),
	"domain.state":  fakeRead(func(g *fakeGuest) any { return g.where() }),
	"domain.stats":  fakeRead(func(g *fakeGuest) any { return g.stats() }),
	"domain.getxml": fakeRead(func(g *fakeGuest) any { return virt.Document{XML: g.xml()} }),
	"domain.wait":   fakeCall.wait,

	"domain.define": fakeCall.define, "domain.create": fakeCall.create, "domain.delete": fakeCall.remove,
	"domain.rename": fakeChange(fakeCall.rename), "domain.autostart": fakeChange(fakeCall.autostart),
	"domain.set-memory": fakeChange(fakeCall.setMemory), "domain.set-vcpus": fakeChange(fakeCall.setVCPUs),

	"domain.start": fakeChange(fakeCall.start), "domain.stop": fakeChange(fakeCall.stop),
	"domain.reboot": fakeChange(fakeCall.once), "domain.reset": fakeChange(fakeCall.once),
	"domain.suspend": fakeChange(fakeCall.suspend), "domain.resume": fakeChange(fakeCall.resume),
	"domain.save": fakeChange(fakeCall.save), "domain.restore": fakeChange(fakeCall.restore),

	"snapshot.create": fakeCall.takeSnapshot, "snapshot.list": fakeCall.listSnapshots,
	"snapshot.revert": fakeCall.revertSnapshot, "snapshot.delete": fakeCall.deleteSnapshot,

	"host.info": fakeCall.host, "host.capabilities": fakeCall.capabilities, "host.memory": fakeCall.hostMemory, "host.cpu": fakeCall.hostCPU,

	"network.list": fakeCall.listNetworks, "network.info": fakeCall.networkInfo, "network.leases": fakeCall.leases,
	"network.define": fakeCall.defineNetwork, "network.start": fakeCall.startNetwork, "network.stop": fakeCall.stopNetwork,
	"network.delete": fakeCall.deleteNetwork,

	"storage.list": fakeCall.listPools, "storage.info": fakeCall.poolInfo, "storage.refresh": fakeCall.refreshPool,
	"volume.list": fakeCall.listVolumes, "volume.create": fakeCall.createVolume, "volume.clone": fakeCall.cloneVolume,
	"volume.resize": fakeCall.resizeVolume, "volume.delete": fakeCall.deleteVolume,
}
