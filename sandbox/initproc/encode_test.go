package initproc_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/sandbox/initproc"
)

func sample() *initproc.Plan {
	return &initproc.Plan{
		Namespaces: 1 << 28, UIDMap: "0 0 1\n", GIDMap: "0 0 1\n", DenySetgroups: true,
		Init:      []initproc.Call{{Number: 1, Save: initproc.RegFree, Min: 3, Args: [6]initproc.Arg{{Kind: initproc.Data, Value: 8}, {Kind: initproc.Reg, Value: 9}}}},
		Program:   []initproc.Call{{Number: 59, Args: [6]initproc.Arg{{Kind: initproc.RegAddr, Value: 8}, {Value: 1 << 40}}}},
		Registers: []initproc.Word{{Register: 63, Value: 7}},
		Data:      []byte{8, 0, 0, 0, 0, 0, 0, 0, 'x', 0},
		Pointers:  []uint32{0},
	}
}

func TestDecode_ReadsWhatEncodeWrote(t *testing.T) {
	got, err := initproc.Decode(initproc.Encode(sample()))
	require.NoError(t, err)
	assert.Empty(t, cmp.Diff(sample(), got))
}

func TestDecode_RefusesWhatPointsOutside(t *testing.T) {
	for name, spoil := range map[string]func(*initproc.Plan){
		"data":             func(p *initproc.Plan) { p.Init[0].Args[0].Value = 10 },
		"register":         func(p *initproc.Plan) { p.Init[0].Args[1].Value = initproc.Registers },
		"result":           func(p *initproc.Plan) { p.Init[0].Save = initproc.RegControl },
		"kind":             func(p *initproc.Plan) { p.Program[0].Args[5].Kind = 9 },
		"initial register": func(p *initproc.Plan) { p.Registers[0].Register = initproc.RegReady },
		"pointer":          func(p *initproc.Plan) { p.Pointers[0] = 8 },
		"pointer's target": func(p *initproc.Plan) { p.Data[0] = 200 },
	} {
		t.Run(name, func(t *testing.T) {
			p := sample()
			spoil(p)
			_, err := initproc.Decode(initproc.Encode(p))
			assert.ErrorIs(t, err, initproc.ErrPlan)
		})
	}
}

func TestDecode_RefusesAnotherBuild(t *testing.T) {
	b := initproc.Encode(sample())
	b[0]++
	_, err := initproc.Decode(b)
	assert.ErrorContains(t, err, "another build")
}

func TestMessage(t *testing.T) {
	want := initproc.Message{Kind: initproc.Exited, A: 256, B: 1}
	got, ok := initproc.ParseMessage(want.Bytes())
	assert.True(t, ok)
	assert.Equal(t, want, got)
	_, ok = initproc.ParseMessage(make([]byte, initproc.MessageSize))
	assert.False(t, ok)
}

func FuzzDecode(f *testing.F) {
	f.Add(initproc.Encode(sample()))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := initproc.Decode(b)
		if err != nil {
			return
		}
		again, err := initproc.Decode(initproc.Encode(p))
		require.NoError(t, err)
		assert.Empty(t, cmp.Diff(p, again))
	})
}
