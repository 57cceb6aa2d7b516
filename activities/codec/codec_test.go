package codec

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

var day = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

func testKey(tb testing.TB, algorithm Algorithm, from time.Time) Key {
	tb.Helper()
	key, err := NewKey(algorithm, day, from)
	require.NoError(tb, err)
	return key
}

func testCodec(tb testing.TB, keys ...Key) *Codec {
	tb.Helper()
	ring, err := NewRing(keys...)
	require.NoError(tb, err)
	return New(Hold(ring, func() time.Time { return day.Add(time.Hour) }), Options{})
}

// at binds a codec as the SDK does.
func at(c *Codec, context converter.SerializationContext) *Codec {
	return c.WithSerializationContext(context).(*Codec)
}

func text(s string) []*commonpb.Payload {
	return []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(s)}}
}

// TestAlgorithms_Vectors holds the primitives, as they are set up here, against
// RFC 8439 §2.8.2 and test case 16 of the GCM specification (A39).
func TestAlgorithms_Vectors(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		algorithm                        Algorithm
		key, nonce, plain, added, sealed string
	}{
		{
			ChaCha20Poly1305, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "070000004041424344454647",
			hex.EncodeToString([]byte("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.")),
			"50515253c0c1c2c3c4c5c6c7",
			"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116" +
				"1ae10b594f09e26a7e902ecbd0600691",
		},
		{
			AES256GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
			"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
			"feedfacedeadbeeffeedfacedeadbeefabaddad2",
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" +
				"76fc6ece0f4e1768cddf8853bb2d551b",
		},
	} {
		aead, err := v.algorithm.aead(unhex(t, v.key))
		require.NoError(t, err)
		got := aead.Seal(nil, unhex(t, v.nonce), unhex(t, v.plain), unhex(t, v.added))
		assert.Equal(t, v.sealed, hex.EncodeToString(got), v.algorithm)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	out, err := hex.DecodeString(s)
	require.NoError(t, err)
	return out
}

// TestCodec_Form is the known answer for a whole payload: what is stored today
// must open in every later version.
func TestCodec_Form(t *testing.T) {
	t.Parallel()
	secret := bytes.Repeat([]byte{7}, keySize)
	for algorithm, want := range map[Algorithm]string{
		ChaCha20Poly1305: "010101010101010101010101765c8b1ff58b42a247e0d28a60434b962129ca2fae9a138f37a7e83adf91c0448535a853cd184d51e265dbd90b",
		AES256GCM:        "0101010101010101010101017cf783bff5d18f61b5bdb246623d1a42c7953b8474f6527d4a32611a44833a8511730a51e93a07c9143a00aefa",
	} {
		key, err := newKey("k1", algorithm, secret, day, day)
		require.NoError(t, err)
		c := at(testCodec(t, key), converter.WorkflowSerializationContext{Namespace: "default", WorkflowID: "w"})
		c.random = bytes.NewReader(bytes.Repeat([]byte{1}, 12))
		sealed, err := c.Encode(text(`"x"`))
		require.NoError(t, err)
		meta := sealed[0].GetMetadata()
		assert.Equal(t, "binary/lazaret-sealed-1", string(meta["encoding"]))
		assert.Equal(t, "k1", string(meta["lazaret-key"]))
		assert.Equal(t, string(algorithm), string(meta["lazaret-algorithm"]))
		assert.JSONEq(t, `{"kind":"data","namespace":"default","workflow":"w"}`, string(meta["lazaret-binding"]))
		assert.Equal(t, want, hex.EncodeToString(sealed[0].GetData()), algorithm)
	}
}

func TestCodec_RoundTrip(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []Algorithm{ChaCha20Poly1305, AES256GCM} {
		c := testCodec(t, testKey(t, algorithm, day))
		for _, data := range []string{"", `"canary"`, string(make([]byte, 1<<20))} {
			sealed, err := c.Encode(text(data))
			require.NoError(t, err)
			assert.NotContains(t, string(sealed[0].GetData()), "canary")
			opened, err := c.Decode(sealed)
			require.NoError(t, err)
			assert.True(t, proto.Equal(text(data)[0], opened[0]))
		}
	}
}

// TestCodec_NoncesDiffer: the same text under the same key is never sealed the same.
func TestCodec_NoncesDiffer(t *testing.T) {
	t.Parallel()
	c := testCodec(t, testKey(t, ChaCha20Poly1305, day))
	seen := map[string]bool{}
	for range 20_000 {
		sealed, err := c.Encode(text("same"))
		require.NoError(t, err)
		seen[string(sealed[0].GetData()[:12])] = true
	}
	assert.Len(t, seen, 20_000)
}

// TestCodec_Tampered changes every byte of a sealed payload and every member of
// its metadata (A11).
func TestCodec_Tampered(t *testing.T) {
	t.Parallel()
	key := testKey(t, ChaCha20Poly1305, day)
	c := testCodec(t, key)
	where := at(c, converter.WorkflowSerializationContext{Namespace: "default", WorkflowID: "w"})
	sealed, err := where.Encode(text(`"content"`))
	require.NoError(t, err)
	refused := func(change func(*commonpb.Payload), want error) {
		t.Helper()
		p := proto.Clone(sealed[0]).(*commonpb.Payload)
		change(p)
		_, err := where.Decode([]*commonpb.Payload{p})
		require.ErrorIs(t, err, want)
		assert.NotContains(t, err.Error(), "content")
	}
	for i := range sealed[0].GetData() {
		refused(func(p *commonpb.Payload) { p.Data[i] ^= 1 }, ErrTampered)
	}
	for i := range sealed[0].GetMetadata()[metaBinding] {
		refused(func(p *commonpb.Payload) { p.Metadata[metaBinding][i] ^= 1 }, ErrTampered)
	}
	refused(func(p *commonpb.Payload) { p.Data = p.Data[:11] }, ErrTampered)
	refused(func(p *commonpb.Payload) { p.Data = nil }, ErrTampered)
	refused(func(p *commonpb.Payload) { p.Metadata[metaAlgorithm] = []byte(AES256GCM) }, ErrTampered)
	refused(func(p *commonpb.Payload) { p.Metadata[metaKey] = []byte("other") }, ErrUnknownKey)
	refused(func(p *commonpb.Payload) { delete(p.Metadata, metaBinding) }, ErrTampered)

	// Another key of the same name.
	other, err := newKey(key.ID, ChaCha20Poly1305, bytes.Repeat([]byte{9}, keySize), day, day)
	require.NoError(t, err)
	_, err = testCodec(t, other).Decode(sealed)
	require.ErrorIs(t, err, ErrTampered)
}

// TestCodec_Misplaced puts a payload where another belongs.
func TestCodec_Misplaced(t *testing.T) {
	t.Parallel()
	key := testKey(t, AES256GCM, day)
	c := testCodec(t, key)
	workflow := func(namespace, id string) converter.SerializationContext {
		return converter.WorkflowSerializationContext{Namespace: namespace, WorkflowID: id}
	}
	activity := func(id, kind string) converter.SerializationContext {
		return converter.ActivitySerializationContext{Namespace: "a", WorkflowID: id, WorkflowType: "demo/x", ActivityType: kind, TaskQueue: "q"}
	}
	for name, row := range map[string]struct {
		from, to converter.SerializationContext
		ok       bool
	}{
		"same":                 {workflow("a", "1"), workflow("a", "1"), true},
		"another namespace":    {workflow("a", "1"), workflow("b", "1"), false},
		"another execution":    {workflow("a", "1"), workflow("a", "2"), false},
		"same activity":        {activity("1", "run.script"), activity("1", "run.script"), true},
		"another activity":     {activity("1", "run.script"), activity("1", "call.http"), false},
		"activity elsewhere":   {activity("1", "run.script"), activity("2", "run.script"), false},
		"schedule's action":    {workflow("a", "nightly"), workflow("a", "nightly-2026-11-26T02:00:00Z"), true},
		"no schedule's action": {workflow("a", "nightly"), workflow("a", "nightly-other"), false},
		"the other way round":  {workflow("a", "nightly-2026-11-26T02:00:00Z"), workflow("a", "nightly"), false},
	} {
		sealed, err := at(c, row.from).Encode(text("x"))
		require.NoError(t, err)
		_, err = at(c, row.to).Decode(sealed)
		if row.ok {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, ErrMisplaced, name)
		}
	}
	// A failure is none of an execution's data, nor the reverse; it travels in its namespace.
	failure := at(c.forFailures(), workflow("a", "1"))
	sealed, err := failure.Encode(text("x"))
	require.NoError(t, err)
	_, err = at(c.forFailures(), workflow("a", "2")).Decode(sealed)
	require.NoError(t, err)
	_, err = at(c.forFailures(), workflow("b", "1")).Decode(sealed)
	require.ErrorIs(t, err, ErrMisplaced)
	_, err = at(c, workflow("a", "1")).Decode(sealed)
	require.ErrorIs(t, err, ErrMisplaced)
}

// TestCodec_Rotation: a new key waits for its time, an old one opens until it is removed.
func TestCodec_Rotation(t *testing.T) {
	t.Parallel()
	now := day
	old, next := testKey(t, ChaCha20Poly1305, day), testKey(t, AES256GCM, day.Add(time.Hour))
	ring, err := NewRing(next, old)
	require.NoError(t, err)
	c := New(Hold(ring, func() time.Time { return now }), Options{})
	first, err := c.Encode(text("1"))
	require.NoError(t, err)
	assert.Equal(t, old.ID, string(first[0].GetMetadata()[metaKey]))
	now = day.Add(time.Hour)
	second, err := c.Encode(text("2"))
	require.NoError(t, err)
	assert.Equal(t, next.ID, string(second[0].GetMetadata()[metaKey]))
	for _, sealed := range [][]*commonpb.Payload{first, second} {
		_, err := c.Decode(sealed)
		require.NoError(t, err)
	}
	_, err = ring.Without(next.ID, now)
	require.ErrorContains(t, err, "is the one that seals")
	left, err := ring.Without(old.ID, now)
	require.NoError(t, err)
	_, err = New(Hold(left, nil), Options{}).Decode(first)
	require.ErrorIs(t, err, ErrUnknownKey)
	_, err = New(Hold(ring, func() time.Time { return day.Add(-time.Second) }), Options{}).Encode(text("0"))
	require.ErrorContains(t, err, "no key of the ring has begun")
}

func TestCodec_Plain(t *testing.T) {
	t.Parallel()
	c := testCodec(t, testKey(t, ChaCha20Poly1305, day))
	opened, err := c.Decode(text("plain"))
	require.NoError(t, err)
	assert.Equal(t, "plain", string(opened[0].GetData()))
	c.options.RefusePlain = true
	_, err = c.Decode(text("plain"))
	require.ErrorIs(t, err, ErrPlain)
	assert.NotContains(t, err.Error(), `"plain"`)
}

// TestCodec_Halt: what it has no key for is not its own to judge; what was changed
// is wrong for everybody.
func TestCodec_Halt(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := testCodec(t, testKey(t, ChaCha20Poly1305, from))
	sealed, err := c.Encode(text("word"))
	require.NoError(t, err)
	for name, other := range map[string]*Codec{"another ring": testCodec(t, testKey(t, ChaCha20Poly1305, from)), "no ring": Keyless()} {
		_, err := other.Decode(sealed)
		require.ErrorIs(t, err, ErrUnknownKey, name)
		assert.Panics(t, func() { _, _ = other.Halting().Decode(sealed) }, name)
		opened, err := other.Halting().Decode(text("plain"))
		require.NoError(t, err, name)
		assert.Equal(t, "plain", string(opened[0].GetData()), name)
	}
	sealed[0].Data[len(sealed[0].GetData())-1] ^= 1
	_, err = c.Halting().Decode(sealed)
	require.ErrorIs(t, err, ErrTampered)
}

func TestParseAlgorithm(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"AES-256-CBC", "AesCbc256", "aes-256-ctr", "aes-ecb"} {
		_, err := ParseAlgorithm(name)
		require.ErrorContains(t, err, "does not notice changes", name)
	}
	_, err := ParseAlgorithm("rot13")
	require.ErrorContains(t, err, "is unknown")
	got, err := ParseAlgorithm("AES-256-GCM")
	require.NoError(t, err)
	assert.Equal(t, AES256GCM, got)
}

func BenchmarkCodec(b *testing.B) {
	for _, algorithm := range []Algorithm{ChaCha20Poly1305, AES256GCM} {
		b.Run(string(algorithm), func(b *testing.B) {
			c := testCodec(b, testKey(b, algorithm, day))
			p := text(string(make([]byte, 1024)))
			for b.Loop() {
				sealed, err := c.Encode(p)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := c.Decode(sealed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
