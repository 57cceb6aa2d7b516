package sandbox

import (
	"os"
	"sync"
)

// uids hands out host user ids, so that no two live sandboxes on this machine
// share one: the kernel then keeps even their signals and file owners apart if a
// namespace were to fail. A worker's ids follow from its pid.
//
// It is safe for concurrent use, and one for all runners of this process.
type uids struct {
	mu   sync.Mutex
	base int
	next int
	used map[int]bool
}

const (
	// firstUID is far above what people, packages and containers use.
	firstUID      = 0x10000000
	uidsPerWorker = 256
)

var hostUIDs = newUIDs()

func newUIDs() *uids {
	return &uids{base: firstUID + os.Getpid()*uidsPerWorker, used: map[int]bool{}}
}

// take returns an id that nobody has. Beyond uidsPerWorker live sandboxes ids repeat.
func (u *uids) take() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	for range uidsPerWorker {
		u.next = (u.next + 1) % uidsPerWorker
		if !u.used[u.next] {
			break
		}
	}
	u.used[u.next] = true
	return u.base + u.next
}

func (u *uids) give(uid int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.used, uid-u.base)
}
