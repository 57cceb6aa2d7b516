package environments

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
)

// Lock lists every package of an environment: its version, and the hashes of
// the wheels that may be it. The zero Lock is empty.
type Lock struct{ packages []locked }

// locked is one package of a lock.
type locked struct {
	name, version string
	hashes        []string // SHA-256 in hex, sorted
}

// MaxLock bounds the text of a lock, in bytes: it stands in histories.
const MaxLock = 256 << 10

var (
	lockedForm = regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[[A-Za-z0-9._, -]*\])?==([A-Za-z0-9][A-Za-z0-9.+!_-]*)$`)
	hashForm   = regexp.MustCompile(`^--hash=sha256:([0-9a-f]{64})$`)
)

// ParseLock reads a lock in the form of pip's requirements files, as pip-compile
// --generate-hashes writes them: name==version --hash=sha256:…. Anything that
// would make pip look elsewhere is refused. Its error is a *Fault.
func ParseLock(text string) (Lock, error) {
	if len(text) > MaxLock {
		return Lock{}, fault(Invalid, "a lock of %d bytes is over the limit of %d", len(text), MaxLock)
	}
	var l Lock
	for number, line := range lockLines(text) {
		line, _, _ = strings.Cut(" "+line, " #")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		p, err := parseLocked(fields)
		if err != nil {
			return Lock{}, fault(Invalid, "line %d: %v", number, err)
		}
		l.packages = append(l.packages, p)
	}
	if len(l.packages) == 0 {
		return Lock{}, fault(Invalid, "a lock without packages")
	}
	return l, l.sort()
}

// lockLines are the lines of a lock, each with the number of its first, from 1; a
// backslash at the end of a line joins the next one to it.
func lockLines(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		var joined strings.Builder
		number, from := 0, 1
		for line := range strings.Lines(text) {
			number++
			line, more := strings.CutSuffix(strings.TrimRight(line, "\r\n"), "\\")
			joined.WriteString(line + " ")
			if more {
				continue
			}
			if !yield(from, joined.String()) {
				return
			}
			joined.Reset()
			from = number + 1
		}
		if joined.Len() > 0 {
			yield(from, joined.String())
		}
	}
}

func parseLocked(fields []string) (locked, error) {
	if strings.HasPrefix(fields[0], "-") {
		return locked{}, fmt.Errorf("%q is an option of pip; only packages with hashes may stand there", preview(fields[0]))
	}
	m := lockedForm.FindStringSubmatch(fields[0])
	if m == nil {
		return locked{}, fmt.Errorf("%q is not of the form name==version --hash=sha256:…; pip-compile --generate-hashes writes it", preview(strings.Join(fields, " ")))
	}
	p := locked{name: normalise(m[1]), version: m[2]}
	for _, field := range fields[1:] {
		hash := hashForm.FindStringSubmatch(field)
		if hash == nil {
			return p, fmt.Errorf("%s: %q is not --hash=sha256:…", p.name, preview(field))
		}
		p.hashes = append(p.hashes, hash[1])
	}
	if len(p.hashes) == 0 {
		return p, fmt.Errorf("%s==%s has no hash in its lock; write it with pip-compile --generate-hashes", p.name, p.version)
	}
	slices.Sort(p.hashes)
	return p, nil
}

// sort puts packages in the order of their names, each of which stands once.
func (l Lock) sort() error {
	slices.SortFunc(l.packages, func(a, b locked) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(l.packages); i++ {
		if l.packages[i].name == l.packages[i-1].name {
			return fault(Invalid, "%s stands twice in its lock", l.packages[i].name)
		}
	}
	return nil
}

// String is the lock in its one form, which ParseLock and pip read.
func (l Lock) String() string {
	var b strings.Builder
	for _, p := range l.packages {
		b.WriteString(p.name + "==" + p.version)
		for _, hash := range p.hashes {
			b.WriteString(" --hash=sha256:" + hash)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Digest is the SHA-256 of the lock's text, in hex.
func (l Lock) Digest() string {
	sum := sha256.Sum256([]byte(l.String()))
	return hex.EncodeToString(sum[:])
}

// covers says why a lock does not have what a definition asks for.
func (l Lock) covers(asked []requirement) error {
	for _, r := range asked {
		i := slices.IndexFunc(l.packages, func(p locked) bool { return p.name == r.name })
		if i < 0 {
			return fault(Refused, "package %s is not in the operator's lock, which has %s", r.name, l.names())
		}
		if p := l.packages[i]; !r.allows(p.version) {
			return fault(Refused, "the operator's lock has %s %s, which is not %s", p.name, p.version, r.text)
		}
	}
	return nil
}

// names lists the first packages of a lock.
func (l Lock) names() string {
	const most = 20
	var names []string
	for _, p := range l.packages[:min(len(l.packages), most)] {
		names = append(names, p.name)
	}
	if len(l.packages) > most {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}
