package checker

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// MaxSource bounds a script, in bytes.
const MaxSource = 1 << 20

// Script is one script to be checked.
type Script struct {
	Source string
	// Arguments are the names that the script finds as global variables. They
	// matter where they hide a builtin: an argument called input is no function.
	Arguments []string
	// Asked are the modules and functions that its metadata asks for.
	Asked []string
	// Interpreter is the Python that will run it; the Checker's own when zero.
	Interpreter Interpreter
}

// Interpreter is the Python whose grammar a script is in.
type Interpreter struct {
	Path   string // absolute
	Prefix string // folder that it needs besides the system's own; may be empty
}

// hidden are the builtins that a rule is about.
var hidden = []string{
	"breakpoint", "compile", "delattr", "dir", "eval", "exec", "execfile", "getattr",
	"globals", "input", "locals", "open", "setattr", "type", "vars",
}

// hiding are the script's arguments that matter, sorted.
func (s Script) hiding() []string {
	var names []string
	for _, name := range s.Arguments {
		if slices.Contains(hidden, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// asked are the names asked for that can be a module's or function's, sorted.
func (s Script) asked() []string {
	var names []string
	for _, name := range s.Asked {
		if name != "" && !strings.ContainsAny(name, " \t\r\n") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// encode is the file that the program reads: a line of names that hide
// builtins, a line of names asked for, the source.
func (s Script) encode() []byte {
	return []byte(strings.Join(s.hiding(), " ") + "\n" + strings.Join(s.asked(), " ") + "\n" + s.Source)
}

// key identifies the facts about the script.
func (s Script) key() [sha256.Size]byte {
	return sha256.Sum256(append([]byte(s.Interpreter.Path+"\n"), s.encode()...))
}
