package seccomp

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/bpf"
)

// Simulator runs a filter without a kernel. It is for tests and for explaining
// a policy; it is safe for concurrent use.
type Simulator struct{ vm *bpf.VM }

// Simulator returns one for the filter.
func (f Filter) Simulator() (Simulator, error) {
	vm, err := bpf.NewVM(f.code)
	if err != nil {
		return Simulator{}, fmt.Errorf("simulate filter: %w", err)
	}
	return Simulator{vm}, nil
}

// Verdict runs the filter on a call made with the given audit architecture.
func (s Simulator) Verdict(audit, nr uint32, args [6]uint64) (Verdict, error) {
	v, err := s.vm.Run(Packet(audit, nr, args))
	return Verdict(v), err
}

// Packet renders struct seccomp_data for the VM, which loads big-endian words
// where the kernel loads native ones: so each word is stored big-endian, the low
// half of an argument first, as it lies on a little-endian machine.
func Packet(audit, nr uint32, args [6]uint64) []byte {
	var b []byte
	for _, w := range []uint32{nr, audit, 0, 0} {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	for _, a := range args {
		b = binary.BigEndian.AppendUint32(b, uint32(a))
		b = binary.BigEndian.AppendUint32(b, uint32(a>>32))
	}
	return b
}
