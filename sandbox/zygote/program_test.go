package zygote_test

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/sandbox/initproc"
	"lazaret.dev/lazaret/sandbox/zygote"
)

// TestEncode holds the form against what zygote.py and the machine read.
func TestEncode(t *testing.T) {
	data := make([]byte, 24)
	binary.LittleEndian.PutUint64(data, 16)                 // points at the last word
	binary.LittleEndian.PutUint64(data[8:], math.MaxUint64) // null
	p := &zygote.Program{
		Steps: []zygote.Step{
			{Call: initproc.Call{Number: 39, Save: 9, Min: 1, Args: [6]initproc.Arg{{Kind: zygote.Word, Value: 8}}}, Stop: zygote.Parent},
			{Call: initproc.Call{Number: 56}, Branch: 1, Until: 3, Fault: initproc.InitFault, At: 7},
		},
		Receive: 0, Fork: 1, TID: 12,
		Registers: []initproc.Word{{Register: 1, Value: 4}},
		Data:      data, Pointers: []uint32{0, 8},
	}
	b := zygote.Encode(p)
	word := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	code, memory := zygote.Code(), int(word(8))
	assert.EqualValues(t, len(code), word(0))
	assert.EqualValues(t, 1, word(16), "null is no pointer")
	assert.Equal(t, []uint64{0, 1, 12}, []uint64{word(24), word(32), word(40)})
	require.Len(t, b, 48+8+memory+len(code))
	pointer := word(48)
	b = b[56:]
	assert.EqualValues(t, 4, word(8), "register 1")
	steps, inData := int(word(528)), int(word(536))
	assert.EqualValues(t, inData, pointer)
	assert.EqualValues(t, inData+16, word(inData))
	assert.Zero(t, word(inData+8))
	assert.Equal(t, []uint64{39, 1, 9, 0, 0, 1, 0}, []uint64{word(steps), word(steps + 8), word(steps + 16), word(steps + 24), word(steps + 32), word(steps + 40), word(steps + 48)})
	assert.EqualValues(t, zygote.Word, b[steps+56])
	assert.EqualValues(t, 8, word(steps+64))
	next := steps + 128
	assert.Equal(t, []uint64{56, 1, 3}, []uint64{word(next), word(next + 24), word(next + 32)})
	assert.Equal(t, uint64(initproc.InitFault)|7<<32, word(next+48))
}

// TestCode: the machine is short, and ends by returning.
func TestCode(t *testing.T) {
	code := zygote.Code()
	if code == nil && os.Getenv("CI") == "" {
		t.Skip("none for this architecture")
	}
	require.NotEmpty(t, code)
	assert.Less(t, len(code), 1<<10)
	assert.EqualValues(t, 0xc3, code[len(code)-1])
}
