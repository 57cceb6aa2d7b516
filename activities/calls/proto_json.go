package calls

import (
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/workflows/expression"
)

// encode makes a message of values, by protobuf's JSON mapping.
func (p *protoSchema) encode(of protoreflect.MessageDescriptor, values map[string]any) (proto.Message, error) {
	message := dynamicpb.NewMessage(of)
	if values == nil {
		return message, nil
	}
	text, err := expression.Encode(values)
	if err != nil {
		return nil, fault(Invalid, err, "arguments")
	}
	if err := (protojson.UnmarshalOptions{Resolver: p.types}).Unmarshal(text, message); err != nil {
		reason := strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto: ")
		return nil, fault(Invalid, nil, "arguments do not make a %s: %s", of.FullName(), oneLine(reason))
	}
	return message, nil
}

// maxShown bounds the text of an answer's messages, in bytes: it may be some times
// longer than they are.
const maxShown = 4 * MaxBody

// decode makes a value of a message, by protobuf's JSON mapping with every field
// that has a default. Its text takes its length from room, which bounds it.
func (p *protoSchema) decode(redact *secrets.Redactor, message proto.Message, room *int) (any, error) {
	m := &measure{types: p.types, left: *room}
	if !m.message(message.ProtoReflect(), 0) {
		return nil, fault(Failed, nil, "the answer is too long or too deep as JSON; ask for less")
	}
	text, err := protojson.MarshalOptions{Resolver: p.types, EmitDefaultValues: true}.Marshal(message)
	if err != nil {
		return nil, fault(Failed, nil, "the answer cannot be shown as JSON: %s", oneLine(err.Error()))
	}
	*room -= len(text)
	value, err := expression.Decode(text)
	if err != nil {
		return nil, fault(Failed, nil, "the answer cannot be shown as JSON")
	}
	return redact.Value(value), nil
}

// measure bounds the JSON of a message before it is made: a few bytes may stand for
// a field whose name is long, or for a message with a thousand defaults.
type measure struct {
	types protoresolver
	left  int // bytes
}

type protoresolver interface {
	FindMessageByURL(url string) (protoreflect.MessageType, error)
}

// maxMessageDepth bounds how deep the messages of an answer nest.
const maxMessageDepth = 100

func (m *measure) take(size int) bool {
	m.left -= size
	return m.left >= 0
}

func (m *measure) message(message protoreflect.Message, depth int) bool {
	if depth > maxMessageDepth || !m.take(2) {
		return false
	}
	if message.Descriptor().FullName() == "google.protobuf.Any" {
		return m.any(message, depth)
	}
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		has := message.Has(field)
		if !has && field.HasPresence() {
			continue
		}
		if !m.take(len(field.JSONName()) + 16) {
			return false
		}
		if has && !m.field(field, message.Get(field), depth) {
			return false
		}
	}
	ok := true
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.IsExtension() {
			ok = m.take(len(field.FullName())+16) && m.field(field, value, depth)
		}
		return ok
	})
	return ok
}

// any is what stands packed in an Any.
func (m *measure) any(message protoreflect.Message, depth int) bool {
	fields := message.Descriptor().Fields()
	url, packed := message.Get(fields.ByNumber(1)).String(), message.Get(fields.ByNumber(2)).Bytes()
	known, err := m.types.FindMessageByURL(url)
	if err != nil {
		return m.take(len(url)) // the encoder says that it does not know it
	}
	inner := known.New()
	if proto.Unmarshal(packed, inner.Interface()) != nil {
		return m.take(len(packed))
	}
	return m.take(len(url)+16) && m.message(inner, depth+1)
}

func (m *measure) field(field protoreflect.FieldDescriptor, value protoreflect.Value, depth int) bool {
	switch {
	case field.IsList():
		list := value.List()
		for i := range list.Len() {
			if !m.take(1) || !m.value(field, list.Get(i), depth) {
				return false
			}
		}
		return true
	case field.IsMap():
		ok := true
		value.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
			ok = m.take(len(key.String())+4) && m.value(field.MapValue(), value, depth)
			return ok
		})
		return ok
	}
	return m.value(field, value, depth)
}

func (m *measure) value(field protoreflect.FieldDescriptor, value protoreflect.Value, depth int) bool {
	switch field.Kind() { //nolint:exhaustive // the others are numbers
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return m.message(value.Message(), depth+1)
	case protoreflect.StringKind:
		return m.take(len(value.String()) + 2)
	case protoreflect.BytesKind:
		return m.take(len(value.Bytes())*4/3 + 4)
	case protoreflect.EnumKind:
		if known := field.Enum().Values().ByNumber(value.Enum()); known != nil {
			return m.take(len(known.Name()) + 2)
		}
	}
	return m.take(20)
}
