package zygote

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unsafe"
)

// start is the address of the machine's first instruction, see code_amd64.s.
var start uintptr

// maxCode is more than the machine's length.
const maxCode = 1 << 10

// Code is the machine that executes Programs, position-independent; nil on an
// architecture that has none.
func Code() []byte {
	text := unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&start))), maxCode)
	var end []byte
	for _, word := range []uint64{0x5a594f4745205441, 0x4c415a4152455421} {
		end = binary.LittleEndian.AppendUint64(end, word)
	}
	at := bytes.Index(text, end)
	if at < 0 {
		panic("BUG: the zygote's machine has no end")
	}
	return slices.Clone(text[:at])
}
