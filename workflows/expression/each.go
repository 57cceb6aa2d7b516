package expression

import (
	"reflect"
	"strings"

	"github.com/itchyny/gojq"
)

// jq's .[] is one instruction that copies the container before its first item
// comes out, and gojq makes no call there that could be charged. So the program
// gets one: x[] becomes (x | _each)[], where _each returns its input. Paths and
// results stay the same.
const eachName = "_each"

func each(x any, _ []any) any { return x }

// generators are gojq's own definitions that iterate and may be left after the
// first item, written out so that their [] is charged too. What collects every
// item pays for each of them anyway.
var generators = map[string]string{
	"recurse":      `def recurse: recurse(.[]?);`,
	"any":          `def any: isempty(.[] | select(.)) | not; def any(f): isempty(.[] | select(f)) | not;`,
	"all":          `def all: isempty(.[] | select(. | not)); def all(f): isempty(.[] | select(f | not));`,
	"paths":        `def paths: path(recurse(.[]?)) | select(. != []); def paths(f): path(recurse(.[]?) | select(f)) | select(. != []);`,
	"combinations": `def combinations: if length == 0 then [] else .[0][] as $x | [$x] + (.[1:] | combinations) end; def combinations(n): [limit(n; repeat(.))] | combinations;`,
	"tostream":     `def tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);`,
}

// charged rewrites query, which parse made from text, so that iterating is paid for.
func charged(query *gojq.Query, text string) {
	used := map[string]bool{"recurse": strings.Contains(text, "..")}
	tokens(text, func(kind tokenKind, name string, _ int) {
		used[name] = used[name] || kind == nameToken
	})
	var definitions []*gojq.FuncDef
	for _, name := range []string{"recurse", "any", "all", "paths", "combinations", "tostream"} {
		if !used[name] {
			continue
		}
		prelude, err := gojq.Parse(generators[name] + " .")
		if err != nil {
			panic("expression: generators[" + name + "]: " + err.Error()) // a bug of ours; every test sees it
		}
		definitions = append(definitions, prelude.FuncDefs...)
	}
	query.FuncDefs = append(definitions, query.FuncDefs...)
	terms(reflect.ValueOf(query), chargeTerm)
}

// chargeTerm does x[] → (x | _each)[] for the last [] of a term; the terms that
// this puts inside are visited next.
func chargeTerm(term *gojq.Term) {
	last := -1
	for i, suffix := range term.SuffixList {
		if suffix.Iter {
			last = i
		}
	}
	if last < 0 {
		return
	}
	inner := *term
	inner.SuffixList = term.SuffixList[:last:last]
	pipe := &gojq.Query{
		Left:  &gojq.Query{Term: &inner},
		Op:    gojq.OpPipe,
		Right: &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: eachName}}},
	}
	*term = gojq.Term{Type: gojq.TermTypeQuery, Query: pipe, SuffixList: term.SuffixList[last:]}
}

// terms calls visit with every term below v, a term before what is in it.
func terms(v reflect.Value, visit func(*gojq.Term)) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		if term, ok := reflect.TypeAssert[*gojq.Term](v); ok {
			visit(term)
		}
		terms(v.Elem(), visit)
	case reflect.Slice:
		for i := range v.Len() {
			terms(v.Index(i), visit)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			terms(field, visit)
		}
	}
}
