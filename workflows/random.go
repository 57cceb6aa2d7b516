package workflows

import "hash/fnv"

// random draws numbers from the recorded id of the run: the same on every
// replay, and after a reset. It is SplitMix64 (Steele, Lea, Flood 2014).
type random struct {
	seed  uint64
	drawn uint64
}

func newRandom(runID string, drawn uint64) random {
	h := fnv.New64a()
	_, _ = h.Write([]byte(runID)) // never fails (package hash)
	return random{seed: h.Sum64(), drawn: drawn}
}

// upTo draws uniformly from [0, n]; n must not be negative.
func (r *random) upTo(n int64) int64 {
	r.drawn++
	z := r.seed + r.drawn*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return int64(z>>1) % (n + 1)
}
