package expression

// onIntegers are the operators whose natives are charged nothing for two integers,
// which is what loops count with. Where the result is no integer, the native makes it.
var onIntegers = map[string]func(left, right int) (v any, ok bool){
	"_add":       func(l, r int) (any, bool) { v := l + r; return v, (v >= l) == (r >= 0) },
	"_subtract":  func(l, r int) (any, bool) { v := l - r; return v, (v <= l) == (r >= 0) },
	"_equal":     func(l, r int) (any, bool) { return l == r, true },
	"_notequal":  func(l, r int) (any, bool) { return l != r, true },
	"_greater":   func(l, r int) (any, bool) { return l > r, true },
	"_less":      func(l, r int) (any, bool) { return l < r, true },
	"_greatereq": func(l, r int) (any, bool) { return l >= r, true },
	"_lesseq":    func(l, r int) (any, bool) { return l <= r, true },
}

func integers(left, right any) (l, r int, both bool) {
	l, ok := left.(int)
	if !ok {
		return 0, 0, false
	}
	r, ok = right.(int)
	return l, r, ok
}
