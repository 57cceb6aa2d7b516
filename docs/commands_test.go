package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// groups are the commands that have commands below them. The function of such a
// one begins with its group: definitionsShowCommand.
var groups = []string{"sandbox", "libvirt", "policy", "definitions", "schedule", "audit", "events", "keys", "notify", "evidence", "quarantine", "violations", "incident"}

// runsItself are the groups that are commands too.
var runsItself = []string{"evidence"}

// groupOf is the group of the command that a function makes, or "".
func groupOf(function string) string {
	for _, group := range groups {
		below := strings.TrimPrefix(function, "app."+group)
		if below != function && below != "Command" && strings.HasSuffix(below, "Command") {
			return group
		}
	}
	return ""
}

// cobra's own commands and flags.
var given = map[string]map[string]bool{"help": {}, "completion": {}}

// Every command line shown names a command and flags that the program has.
func TestCommandLines_AreThoseOfTheProgram(t *testing.T) {
	t.Parallel()
	commands := commands(t)
	seen := map[string]bool{}
	for file, text := range pages(t) {
		for _, line := range commandLines(text) {
			command, unknown := check(commands, line)
			assert.Empty(t, unknown, "%s: %s", file, line)
			seen[command] = true
		}
	}
	for command := range commands {
		assert.True(t, seen[command] || strings.HasSuffix(command, " ") || command == "lazaret" || command == "help", "no page shows lazaret %s", command)
	}
}

// A checker that never complains would pass everything.
func TestCheck_Complains(t *testing.T) {
	t.Parallel()
	commands := commands(t)
	for line, want := range map[string]string{
		"lazaret run hello.yaml --input '{}' -o yaml":     "",
		"lazaret run hello.yaml --retention 1h":           "--retention",
		"lazaret fly":                                     "fly",
		"lazaret sandbox exec --level standard report.py": "",
		"lazaret sandbox eat report.py":                   "eat",
		"lazaret --state-dir /tmp/x list --limit 3":       "",
	} {
		_, unknown := check(commands, line)
		assert.Equal(t, want, unknown, line)
	}
}

var prompt = regexp.MustCompile(`(?m)^(?:\$ |    )(?:[A-Z_]+=\S+ )*(?:.*\| )?(?:bin/)?(lazaret .*)$`)

// commandLines are those of console blocks, indented ones, and spans of code.
func commandLines(text string) []string {
	var lines []string
	for _, match := range prompt.FindAllStringSubmatch(text, -1) {
		lines = append(lines, match[1])
	}
	for _, match := range span.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		if strings.HasPrefix(match[1], "lazaret ") {
			lines = append(lines, match[1])
		}
	}
	return lines
}

var flagWord = regexp.MustCompile(`^--?[a-z][a-z-]*`)

// check returns the command of a line, and the first word that names nothing.
func check(commands map[string]map[string]bool, line string) (command, unknown string) {
	words := strings.Fields(regexp.MustCompile(`'[^']*'|"[^"]*"`).ReplaceAllString(line, "TEXT"))[1:]
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		if words[0] == "--help" || words[0] == "--version" {
			return "lazaret", ""
		}
		words = words[min(2, len(words)):] // a flag of all commands, with its value
	}
	if len(words) == 0 || words[0] == "COMMAND" {
		return "lazaret", ""
	}
	command, words = words[0], words[1:]
	if _, ok := commands[command+" "]; ok && len(words) > 0 {
		if _, ok := commands[command+" "+words[0]]; ok {
			command, words = command+" "+words[0], words[1:]
		} else if !slices.Contains(runsItself, command) {
			return command, words[0]
		}
	}
	flags, ok := commands[command]
	if !ok {
		return command, command
	}
	for _, word := range words {
		if word == "|" || word == ">" {
			break
		}
		flag := flagWord.FindString(word)
		if flag != "" && flag != "--help" && !flags[flag] && !commands["lazaret"][flag] {
			return command, flag
		}
	}
	return command, ""
}

// commands reads the commands and their flags out of package worker, since
// running it would link all of it: a function that makes a command names it
// with Use and defines its flags, or hands it to functions that do.
func commands(t *testing.T) map[string]map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "worker/*.go"))
	require.NoError(t, err)
	functions, constants := map[string]*ast.FuncDecl{}, map[string]ast.Expr{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declared := range parsed.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && !strings.HasSuffix(file, "_test.go") {
				functions[functionName(f)] = f
			}
			collectConstants(constants, declared)
		}
	}
	for _, f := range functions {
		spellOut(constants, f)
	}
	all := maps.Clone(given)
	for name, f := range functions {
		use, flags := describe(functions, f)
		if group := groupOf(name); group != "" && use != "" {
			use = group + " " + use
			all[group+" "] = nil
		}
		if use == "" || slices.Contains(groups, use) && !slices.Contains(runsItself, use) {
			continue
		}
		all[use] = flags
	}
	require.Contains(t, all, "run")
	require.Contains(t, all["run"], "--input")
	require.Contains(t, all["worker"], "--grace")
	require.Contains(t, all["lazaret"], "--state-dir")
	return all
}

// collectConstants adds those that a declaration makes.
func collectConstants(constants map[string]ast.Expr, declared ast.Decl) {
	group, ok := declared.(*ast.GenDecl)
	if !ok || group.Tok != token.CONST {
		return
	}
	for _, spec := range group.Specs {
		for i, value := range spec.(*ast.ValueSpec).Values {
			constants[spec.(*ast.ValueSpec).Names[i].Name] = value
		}
	}
}

// spellOut puts the values of constants in their place among arguments.
func spellOut(constants map[string]ast.Expr, f *ast.FuncDecl) {
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			for i, arg := range call.Args {
				if name, ok := arg.(*ast.Ident); ok && constants[name.Name] != nil {
					call.Args[i] = constants[name.Name]
				}
			}
		}
		return true
	})
}

// functionName tells methods of different types apart.
func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	typ := f.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if ident, ok := typ.(*ast.Ident); ok {
		return ident.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

var definesFlag = regexp.MustCompile(`^(String|StringArray|Bool|Int|Duration)(Var)?P?$`)

// describe returns the first word of Use in the function, and the flags that it
// and the functions it hands a command to define.
func describe(functions map[string]*ast.FuncDecl, f *ast.FuncDecl) (use string, flags map[string]bool) {
	flags = map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Use" && use == "" {
				use, _, _ = strings.Cut(literal(n.Value), " ")
			}
		case *ast.CallExpr:
			selector, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if definesFlag.MatchString(selector.Sel.Name) {
				addFlag(flags, n.Args, strings.HasSuffix(selector.Sel.Name, "P"))
			}
			for _, owner := range []string{"app.", "workerFlags."} {
				if helper := functions[owner+selector.Sel.Name]; helper != nil && takesCommand(n) {
					_, more := describe(functions, helper)
					maps.Copy(flags, more)
				}
			}
		}
		return true
	})
	return use, flags
}

// takesCommand tells whether cmd is an argument of the call.
func takesCommand(call *ast.CallExpr) bool {
	for _, arg := range call.Args {
		if ident, ok := arg.(*ast.Ident); ok && ident.Name == "cmd" {
			return true
		}
	}
	return false
}

// addFlag adds the flag named by the first text among the arguments, and by
// the second if there is a short form.
func addFlag(flags map[string]bool, args []ast.Expr, short bool) {
	var texts []string
	for _, arg := range args {
		if text := literal(arg); text != "" {
			texts = append(texts, text)
		}
	}
	if len(texts) > 0 {
		flags["--"+texts[0]] = true
	}
	if short && len(texts) > 1 {
		flags["-"+texts[1]] = true
	}
}

// literal is the text of a string literal, or nothing.
func literal(e ast.Expr) string {
	basic, ok := e.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(basic.Value)
	if err != nil {
		return ""
	}
	return text
}
