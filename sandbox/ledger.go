package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// ledger aggregates one run's violations by kind. It is not safe for concurrent
// use; the supervisor owns it until it has stopped.
type ledger struct {
	nonce [16]byte
	index map[kind]int
	all   []Violation
	total int
}

// kind is what makes two violations the same.
type kind struct {
	violation ViolationType
	syscall   string
	detail    string
	action    string
}

func newLedger() *ledger {
	l := &ledger{index: map[kind]int{}}
	_, _ = rand.Read(l.nonce[:]) // never fails, see its documentation
	return l
}

// add counts a violation.
func (l *ledger) add(v Violation) {
	l.total++
	k := kind{v.Type, v.Syscall, v.Detail, v.Action}
	if i, ok := l.index[k]; ok {
		l.all[i].Count++
		return
	}
	v.ID, v.Count = l.id(k), 1
	l.index[k] = len(l.all)
	l.all = append(l.all, v)
}

func (l *ledger) id(k kind) string {
	h := sha256.New()
	h.Write(l.nonce[:])
	for _, part := range []string{string(k.violation), k.syscall, k.detail, k.action} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (l *ledger) list() []Violation { return l.all }
