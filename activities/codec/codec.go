package codec

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// Options of a codec.
type Options struct {
	// OpenOnly leaves what is written as it is, and opens what was sealed.
	OpenOnly bool
	// RefusePlain refuses payloads that are not sealed. By default they are
	// taken as they are: those of executions from before encryption, and inputs
	// from programs that have no key.
	RefusePlain bool
	// Halt panics where the ring lacks a payload's key, instead of returning an
	// error. It is for who works on executions: what another could read must not
	// pass for a wrong input. Temporal's SDK makes a failed task of it, and Temporal
	// gives that to another worker.
	Halt bool
}

// Codec seals and opens payloads. It is immutable and may be used concurrently.
type Codec struct {
	keeper  *Keeper
	options Options
	kind    Kind // empty: opens both
	where   Binding
	random  io.Reader
}

// New returns a codec that is not bound to a place: it opens what any place has
// sealed. The SDK binds it where it uses it.
func New(keeper *Keeper, options Options) *Codec {
	return &Codec{keeper: keeper, options: options, kind: Data, where: Binding{Kind: Data}, random: rand.Reader}
}

// Keyless returns a codec that opens nothing, and says so of what is sealed.
func Keyless() *Codec { return New(Hold(Ring{}, nil), Options{OpenOnly: true}) }

// Halting returns the codec with the option Halt.
func (c *Codec) Halting() *Codec {
	other := *c
	other.options.Halt = true
	return &other
}

func (c *Codec) forFailures() *Codec {
	other := *c
	other.kind, other.where = Failure, Binding{Kind: Failure}
	return &other
}

// WithSerializationContext implements converter.PayloadCodecWithSerializationContext.
func (c *Codec) WithSerializationContext(context converter.SerializationContext) converter.PayloadCodec {
	bound := *c
	bound.where = bindingFor(c.kind, context)
	return &bound
}

// Encode implements converter.PayloadCodec: it seals each payload.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if c.options.OpenOnly {
		return payloads, nil
	}
	key, found := c.keeper.sealing()
	if !found {
		return nil, &Error{Reason: "no key of the ring has begun to seal", Hint: "lazaret keys list shows from when each does"}
	}
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if sealed[i], err = c.seal(key, p); err != nil {
			return nil, err
		}
	}
	return sealed, nil
}

func (c *Codec) seal(key Key, p *commonpb.Payload) (*commonpb.Payload, error) {
	if isSealed(p) { // handed on as it is
		return p, nil
	}
	plain, err := proto.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	binding, err := c.where.encode()
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	nonce := make([]byte, key.aead.NonceSize(), key.aead.NonceSize()+len(plain)+key.aead.Overhead())
	if _, err := io.ReadFull(c.random, nonce); err != nil {
		return nil, fmt.Errorf("random nonce: %w", err)
	}
	return &commonpb.Payload{
		Metadata: map[string][]byte{
			converter.MetadataEncoding: []byte(encoding),
			metaKey:                    []byte(key.ID),
			metaAlgorithm:              []byte(key.Algorithm),
			metaBinding:                binding,
		},
		Data: key.aead.Seal(nonce, nonce, plain, associated(key, binding)),
	}, nil
}

func isSealed(p *commonpb.Payload) bool {
	return string(p.GetMetadata()[converter.MetadataEncoding]) == encoding
}

// Decode implements converter.PayloadCodec: it opens each payload.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if opened[i], err = c.open(p); err != nil {
			return nil, err
		}
	}
	return opened, nil
}

func (c *Codec) open(p *commonpb.Payload) (*commonpb.Payload, error) {
	if !isSealed(p) {
		if c.options.RefusePlain {
			return nil, refused(ErrPlain, "seal it with the worker's keys, or run the worker without --refuse-plain")
		}
		return p, nil
	}
	key, found := c.keeper.find(string(p.GetMetadata()[metaKey]))
	if !found {
		err := refused(fmt.Errorf("%w: %.80q", ErrUnknownKey, p.GetMetadata()[metaKey]), "add the key to the ring that --payload-keys names")
		if c.options.Halt {
			panic(err)
		}
		return nil, err
	}
	binding := p.GetMetadata()[metaBinding]
	size := key.aead.NonceSize()
	if len(p.GetData()) < size || string(p.GetMetadata()[metaAlgorithm]) != string(key.Algorithm) {
		return nil, refused(ErrTampered, "")
	}
	plain, err := key.aead.Open(nil, p.GetData()[:size], p.GetData()[size:], associated(key, binding))
	if err != nil {
		return nil, refused(ErrTampered, "")
	}
	if err := c.check(binding); err != nil {
		return nil, err
	}
	opened := &commonpb.Payload{}
	if err := proto.Unmarshal(plain, opened); err != nil {
		return nil, refused(ErrTampered, "")
	}
	return opened, nil
}

// check compares what a payload was sealed for with where it is opened.
func (c *Codec) check(binding []byte) error {
	var b Binding
	if err := json.Unmarshal(binding, &b); err != nil {
		return refused(ErrTampered, "")
	}
	where := c.where
	if c.kind == "" {
		where.Kind = b.Kind
	}
	if !b.fits(where) {
		return refused(fmt.Errorf("%w: it is %s, and this is %s", ErrMisplaced, b, where), "somebody has moved it; see who wrote to this execution")
	}
	return nil
}

// String names the place, for people.
func (b Binding) String() string {
	text := string(b.Kind) + " of "
	if b.Activity != "" {
		text += fmt.Sprintf("activity %.80q in ", b.Activity)
	}
	if b.Workflow != "" {
		return text + fmt.Sprintf("%.200q in namespace %.80q", b.Workflow, b.Namespace)
	}
	return text + fmt.Sprintf("namespace %.80q", b.Namespace)
}

func refused(err error, hint string) error {
	return &Error{Reason: "payload refused", Hint: hint, Err: err}
}
