package scripts_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSkips_NoneInCI: what a machine lacks lets a test be skipped on the machine of who
// works here, never in CI, where a skipped test would pass for one that ran. A function
// that skips therefore looks at CI or at -short, unless it rejects what a fuzzer made up
// or says why with one of the reasons below.
func TestSkips_NoneInCI(t *testing.T) {
	t.Parallel()
	skips := 0
	for _, file := range files(t, "*_test.go", "*test/*.go") {
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, filepath.Join(root, file), nil, 0)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			function, ok := d.(*ast.FuncDecl)
			if !ok || strings.HasPrefix(function.Name.Name, "Fuzz") {
				continue
			}
			for _, at := range unguardedSkips(function) {
				assert.Fail(t, "a test may be skipped in CI", "%s: %s", file, set.Position(at))
			}
			skips += len(skipsIn(function))
		}
	}
	assert.Greater(t, skips, 30)
}

// reasons are what a skip may say anywhere: what is the part of another test, and
// what nothing installs.
var reasons = []string{`"run by Test`, `"the specification`, `"no other Python;`}

func unguardedSkips(function *ast.FuncDecl) []token.Pos {
	guarded := false
	ast.Inspect(function, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			guarded = guarded || n.Value == `"CI"`
		case *ast.SelectorExpr:
			guarded = guarded || n.Sel.Name == "Short"
		}
		return true
	})
	if guarded {
		return nil
	}
	return skipsIn(function)
}

// skipsIn lists the calls by which a function skips, but for those with a reason above.
func skipsIn(function *ast.FuncDecl) []token.Pos {
	var found []token.Pos
	ast.Inspect(function, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || method.Sel.Name != "Skip" && method.Sel.Name != "Skipf" && method.Sel.Name != "SkipNow" {
			return true
		}
		if len(call.Args) > 0 {
			reason, ok := call.Args[0].(*ast.BasicLit)
			if ok && slices.ContainsFunc(reasons, func(r string) bool { return strings.HasPrefix(reason.Value, r) }) {
				return true
			}
		}
		found = append(found, call.Pos())
		return true
	})
	return found
}
