package sandbox

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

// uids hands out host user ids, so that no two live sandboxes on this machine
// share one: the kernel then keeps even their signals and file owners apart if a
// namespace were to fail. A worker's ids follow from its pid.
//
// It is safe for concurrent use, and one for all runners of this process.
type uids struct {
	mu   sync.Mutex
	base int // 0 where this process's user namespace has no ids to spare
	next int
	used map[int]bool
}

const (
	// firstUID is far above what people, packages and containers use.
	firstUID      = 0x10000000
	uidsPerWorker = 256
	// leastIDs is what a user namespace must have for some of them to be spare.
	leastIDs = 4 * uidsPerWorker
)

var hostUIDs = newUIDs()

func newUIDs() *uids {
	ids := [2]string{}
	for i, name := range []string{"uid_map", "gid_map"} {
		b, _ := os.ReadFile("/proc/self/" + name)
		ids[i] = string(b)
	}
	return &uids{base: spareIDs(ids[0], ids[1], os.Getpid()), used: map[int]bool{}}
}

// spareIDs is the first of the ids that a worker with this pid hands out, of those
// that its user namespace has both for users and for groups: 0 when it has too few.
// In a container they are the uppermost that it was given, but for the block of nobody.
func spareIDs(uidMap, gidMap string, pid int) int {
	users, groups := largest(uidMap), largest(gidMap)
	first, end := max(users.first, groups.first), min(users.end, groups.end)
	if wanted := firstUID + pid*uidsPerWorker; first <= wanted && wanted+uidsPerWorker <= end {
		return wanted
	}
	if end-first < leastIDs {
		return 0
	}
	blocks := (end - first) / uidsPerWorker
	return end - uidsPerWorker*(2+pid%(blocks/2))
}

type idRange struct{ first, end int }

// largest is the longest range of a user namespace's map, see user_namespaces(7).
func largest(idMap string) idRange {
	var most idRange
	for line := range strings.Lines(idMap) {
		var first, outside, count int
		if _, err := fmt.Sscan(line, &first, &outside, &count); err == nil && count > most.end-most.first {
			most = idRange{first, first + count}
		}
	}
	return most
}

// exist says whether there is any.
func (u *uids) exist() bool { return u.base > 0 }

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
