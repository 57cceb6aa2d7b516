package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// ledger aggregates one run's violations by kind. It is not safe for concurrent
// use; the supervisor owns it until it has stopped.
type ledger struct {
	seed     string
	index    map[kind]int
	all      []Violation
	total    int // acts of any severity
	counting int // acts of Medium severity and above
	alerts   chan<- Violation
}

// kind is what makes two violations the same.
type kind struct {
	violation ViolationType
	severity  Severity
	syscall   string
	detail    string
	action    string
}

// maxKinds bounds a ledger. Beyond it the details of further acts are dropped, so
// that a program that varies them still adds only a few kinds.
const maxKinds = 64

// newLedger makes one for a run of the Spec.
func newLedger(s *Spec) *ledger {
	seed := s.ID
	if seed == "" {
		seed = rand.Text()
	}
	return &ledger{seed: seed, index: map[kind]int{}, alerts: s.Alerts}
}

// add counts a violation, once when its Count is zero. It says whether it is the
// first of its kind.
func (l *ledger) add(v Violation) bool {
	v.Count = max(v.Count, 1)
	l.total += v.Count
	if v.Severity > Low {
		l.counting += v.Count
	}
	if len(l.all) >= maxKinds {
		v.Detail = "further ones"
	}
	k := kind{v.Type, v.Severity, v.Syscall, v.Detail, v.Action}
	if i, ok := l.index[k]; ok {
		l.all[i].Count += v.Count
		return false
	}
	v.ID = l.id(k)
	l.index[k] = len(l.all)
	l.all = append(l.all, v)
	return true
}

// process names who was first to commit the violation added last.
func (l *ledger) process(pid int, command string) {
	last := &l.all[len(l.all)-1]
	last.PID, last.Command = pid, command
}

// alert tells of the violation added last, if that is worth it and somebody has
// room for it.
func (l *ledger) alert() {
	last := len(l.all) - 1
	if l.alerts == nil || l.all[last].Severity < High {
		return
	}
	select {
	case l.alerts <- l.all[last]:
	default:
	}
}

func (l *ledger) id(k kind) string {
	h := sha256.New()
	for _, part := range []string{l.seed, string(k.violation), k.severity.String(), k.syscall, k.detail, k.action} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (l *ledger) list() []Violation { return l.all }
