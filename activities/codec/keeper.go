package codec

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// Keeper has the current ring of a file. It reads the file again when it has
// changed, and when a payload names a key that it does not know. It may be used
// concurrently.
type Keeper struct {
	path string
	now  func() time.Time

	mu      sync.Mutex
	ring    Ring
	stamp   stamp
	checked time.Time
}

// stamp tells two contents of a file apart.
type stamp struct {
	modified time.Time
	size     int64
	inode    uint64
}

// recheck is how long a ring is trusted without a look at its file.
const recheck = 5 * time.Second

// Open returns a keeper of the ring in a file. The clock may be nil.
func Open(path string, clock func() time.Time) (*Keeper, error) {
	if clock == nil {
		clock = time.Now
	}
	k := &Keeper{path: path, now: clock}
	if err := k.reload(); err != nil {
		return nil, err
	}
	return k, nil
}

// Hold returns a keeper of a ring that has no file.
func Hold(ring Ring, clock func() time.Time) *Keeper {
	if clock == nil {
		clock = time.Now
	}
	return &Keeper{ring: ring, now: clock}
}

func (k *Keeper) reload() error {
	s, err := stampOf(k.path)
	if err != nil {
		return &Error{Reason: fmt.Sprintf("key ring %q", k.path), Err: cause(err)}
	}
	ring, err := ReadFile(k.path)
	if err != nil {
		return err
	}
	k.ring, k.stamp, k.checked = ring, s, k.now()
	return nil
}

// refresh reads the file if it has changed. A file that has become unreadable
// leaves the ring as it was: what runs goes on, and the next start complains.
func (k *Keeper) refresh() {
	k.checked = k.now()
	if s, err := stampOf(k.path); err == nil && s != k.stamp {
		_ = k.reload()
	}
}

// Ring returns the current ring.
func (k *Keeper) Ring() Ring {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.path != "" && k.now().Sub(k.checked) > recheck {
		k.refresh()
	}
	return k.ring
}

// sealing returns the key that seals now.
func (k *Keeper) sealing() (Key, bool) { return k.Ring().Sealing(k.now()) }

// find returns a key by name, looking at the file when it is not known.
func (k *Keeper) find(id string) (Key, bool) {
	key, found := k.Ring().find(id)
	if found || k.path == "" {
		return key, found
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refresh()
	return k.ring.find(id)
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{modified: info.ModTime(), size: info.Size(), inode: inode(info)}, nil
}
