package expression

import (
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"strings"

	"github.com/itchyny/gojq"
)

// reason says why the program failed, without the data it failed on: gojq's own
// texts quote operands, and an operand may be a secret.
func (p *program) reason(err error) string {
	var limit limitError
	var value gojq.ValueError
	switch {
	case errors.As(err, &limit):
		return string(limit)
	case errors.As(err, &value):
		return "error: " + p.shown(value.Value())
	}
	return shape(err)
}

// shown is the value of jq's error, as far as it may be read: the program's own
// literal; other strings only when the program reads no variables.
func (p *program) shown(v any) string {
	if object, ok := v.(map[string]any); ok {
		if message, ok := object["message"].(string); ok {
			v = message
		}
	}
	s, ok := v.(string)
	if ok && (p.literals[s] || len(p.names) == 0) {
		return preview(s)
	}
	return "(" + typeName(v) + ")"
}

// shape describes one of gojq's errors by the types of its operands. They are in
// unexported structs with the fields name, v, w, x or l, r and err.
func shape(err error) string {
	v := reflect.ValueOf(err)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct || !strings.HasPrefix(v.Type().String(), "*gojq.") {
		return prefix(err.Error())
	}
	v = v.Elem()
	operand := func(field string) string { return operandType(v.FieldByName(field)) }
	switch name := v.FieldByName("name"); v.Type().Name() {
	case "binopTypeError":
		return "cannot " + name.String() + " " + operand("l") + " and " + operand("r")
	case "unaryTypeError":
		return "cannot " + name.String() + " " + operand("v")
	case "func0TypeError":
		return name.String() + " cannot be applied to " + operand("v")
	case "func1TypeError":
		return name.String() + "(" + operand("w") + ") cannot be applied to " + operand("v")
	case "func2TypeError":
		return name.String() + "(" + operand("w") + "; " + operand("x") + ") cannot be applied to " + operand("v")
	case "func0WrapError", "func1WrapError", "func2WrapError":
		return name.String() + " on " + operand("v") + ": " + wrapped(v.FieldByName("err"))
	case "expectedObjectError":
		return notAnObject(operand("v"))
	case "expectedArrayError":
		return "expected an array, got " + operand("v")
	case "iteratorError":
		return "cannot iterate over " + operand("v")
	case "objectKeyNotStringError":
		return "object key must be a string, got " + operand("v")
	case "arrayIndexNotNumberError", "stringIndexNotNumberError":
		return "index must be a number, got " + operand("v")
	case "zeroDivisionError", "zeroModuloError":
		return "cannot divide by zero"
	}
	return prefix(err.Error())
}

func notAnObject(got string) string { return "expected an object, got " + got }

// wrapped is the kind of an error inside another: its text up to the data.
func wrapped(field reflect.Value) string {
	if !field.IsValid() || field.IsNil() {
		return "invalid value"
	}
	inner := field.Elem()
	if inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	switch inner.Type().Name() {
	case "errorString":
		return prefix(inner.Field(0).String())
	case "SyntaxError":
		return "invalid JSON"
	case "lengthMismatchError":
		return "length mismatch"
	case "timeArrayError":
		return "expected an array of 8 numbers"
	case "timeEpochError", "timeNumberError":
		return "number out of range"
	}
	return "invalid value"
}

// prefix is a text up to where it starts to quote data.
func prefix(text string) string {
	if i := strings.IndexAny(text, `"':(`); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSpace(text)
}

// operandType is the jq type of what an unexported interface field holds; its
// value cannot be read, and need not be.
func operandType(field reflect.Value) string {
	if !field.IsValid() || field.Kind() != reflect.Interface || field.IsNil() {
		return "null"
	}
	return kindName(field.Elem().Type())
}

// typeName is the jq type of v.
func typeName(v any) string {
	if v == nil {
		return "null"
	}
	return kindName(reflect.TypeOf(v))
}

func kindName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[json.Number](), t == reflect.TypeFor[*big.Int]():
		return "number"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.String:
		return "string"
	case t.Kind() == reflect.Slice:
		return "array"
	case t.Kind() == reflect.Map:
		return "object"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Float64:
		return "number"
	}
	return "value outside the data model"
}
