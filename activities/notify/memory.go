package notify

// memory remembers the newest of the texts that it was shown.
type memory struct {
	seen map[string]bool
	ring []string
	next int
}

func newMemory(size int) *memory { return &memory{seen: map[string]bool{}, ring: make([]string, size)} }

// add reports whether the text is new.
func (m *memory) add(text string) bool {
	if m.seen[text] {
		return false
	}
	delete(m.seen, m.ring[m.next])
	m.ring[m.next], m.seen[text] = text, true
	m.next = (m.next + 1) % len(m.ring)
	return true
}
