package expression

import (
	"errors"
	"reflect"
	"unsafe"

	"github.com/itchyny/gojq"
)

// native is a function that gojq calls in one instruction.
type native = func(input any, args []any) any

// errLayout says that gojq is not the version this file was written for. An
// expression is refused then rather than run without its guards.
var errLayout = errors.New("gojq's program layout is unknown: expressions cannot be guarded")

// operands calls visit with each instruction's operand and lets it be replaced.
//
// This is the package's one seam into gojq, and the reason for unsafe: gojq has
// no way to replace a built-in (WithFunction loses against them silently, and a
// definition put before the program does not reach what other built-ins call).
// A gojq.Code is a slice of pointers to {v any; op int}; we write v only, before
// the program first runs. TestHook_Layout fails when a new gojq changes this.
func operands(code *gojq.Code, visit func(operand *any)) error {
	list := reflect.ValueOf(code).Elem().FieldByName("codes")
	if list.Kind() != reflect.Slice || list.Type().Elem().Kind() != reflect.Pointer {
		return errLayout
	}
	instruction := list.Type().Elem().Elem()
	if instruction.Kind() != reflect.Struct {
		return errLayout
	}
	field, ok := instruction.FieldByName("v")
	if !ok || field.Type != reflect.TypeFor[any]() {
		return errLayout
	}
	for i := range list.Len() {
		visit((*any)(unsafe.Add(list.Index(i).UnsafePointer(), field.Offset)))
	}
	return nil
}

// asCall takes apart the operand of a call of a native function.
func asCall(operand any) (f native, name string, ok bool) {
	call, ok := operand.([3]any)
	if !ok {
		return nil, "", false
	}
	f, isFunc := call[0].(native)
	name, isName := call[2].(string)
	return f, name, isFunc && isName
}
