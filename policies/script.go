package policies

import (
	"slices"
	"strings"
)

// Response is what a level makes of a finding about a script.
type Response int

// The responses. The zero Response is Refuse: what no table knows is refused.
const (
	Refuse Response = iota // the script does not start
	Warn                   // it starts, and people are told
	Ignore
)

func (r Response) String() string {
	switch r {
	case Refuse:
		return "error"
	case Warn:
		return "warning"
	case Ignore:
	}
	return "ignored"
}

// ScriptRule is what the checker of scripts looks for, with each level's
// response. The kernel decides what a script can do; a rule says so beforehand,
// where a person can still read it.
type ScriptRule struct {
	ID string
	// About is what the rule finds, for its documentation.
	About string
	// Grantable rules are about a module or function that the operator may allow.
	Grantable bool

	Maximum, Strict, Standard, Minimal Response
}

// scriptRules, in the order of their documentation.
var scriptRules = []ScriptRule{
	{ID: "script.syntax", About: "Python cannot read the script"},
	{ID: "script.size", About: "it is larger than 1 MiB"},
	{ID: "script.complexity", About: "it has too many parts or nests too deep to be checked"},
	{ID: "script.checker", About: "the checker did not come to an end"},
	{ID: "script.nul", About: "it holds a NUL byte"},
	{ID: "script.encoding", About: "it is not UTF-8, or says that it is not"},
	{ID: "script.grant", About: "metadata asks for a module or function that the operator does not grant"},

	{ID: "script.bidi", About: "invisible direction marks make code look other than it is", Standard: Warn, Minimal: Warn},
	{ID: "script.identifier", About: "a name that Python reads as another, or that mixes alphabets", Strict: Warn, Standard: Warn, Minimal: Ignore},

	{ID: "script.function", About: "code made from text: eval, exec, compile, __import__ …", Grantable: true, Standard: Warn, Minimal: Ignore},
	{ID: "script.shell", About: "other programs: os.system, subprocess …", Grantable: true, Standard: Warn, Minimal: Ignore},
	{ID: "script.dunder", About: "the interpreter's own attributes: __class__, __globals__ …", Standard: Warn, Minimal: Ignore},
	{ID: "script.import", About: "a module outside the allow-list", Grantable: true, Strict: Warn, Standard: Ignore, Minimal: Ignore},
	// For lint: at run time a module that is missing says so itself.
	{ID: "script.package", About: "a module that is not Python's own; its package is to be declared", Maximum: Ignore, Strict: Ignore, Standard: Ignore, Minimal: Ignore},
	// For validate: the broker decides, by the policy's section libvirt.
	{ID: "script.libvirt", About: "an operation on virtual machines: lazaret.libvirt.domain_start …", Maximum: Ignore, Strict: Ignore, Standard: Ignore, Minimal: Ignore},
	{ID: "script.import.star", About: "from module import *", Strict: Warn, Standard: Warn, Minimal: Ignore},
	{ID: "script.import.relative", About: "an import from the script's package, which has none", Strict: Warn, Standard: Warn, Minimal: Warn},
	{ID: "script.import.dynamic", About: "modules and code loaded by name: importlib, runpy, sys.path …", Grantable: true, Standard: Warn, Minimal: Ignore},
	{ID: "script.deserialise", About: "data that becomes code: pickle, marshal, yaml.load …", Grantable: true, Standard: Warn, Minimal: Ignore},
	{ID: "script.introspection", About: "frames and objects of the interpreter: gc, inspect, sys._getframe …", Grantable: true, Standard: Warn, Minimal: Ignore},
	{ID: "script.native", About: "native code and raw memory: ctypes, mmap …", Grantable: true, Strict: Warn, Standard: Warn, Minimal: Ignore},
	{ID: "script.network", About: "connections: socket, requests, urllib.request …", Grantable: true, Strict: Warn, Standard: Warn, Minimal: Ignore},

	{ID: "script.attribute.dynamic", About: "an attribute whose name is computed: getattr(x, name)", Strict: Warn, Standard: Ignore, Minimal: Ignore},
	{ID: "script.format.attribute", About: "a format string that reads attributes: \"{0.name}\".format(x)", Strict: Warn, Standard: Warn, Minimal: Ignore},
	{ID: "script.namespace", About: "names as data: globals, vars, sys.modules …", Grantable: true, Strict: Warn, Standard: Ignore, Minimal: Ignore},
	{ID: "script.file", About: "files: open, pathlib, shutil, tempfile …", Grantable: true, Strict: Warn, Standard: Warn, Minimal: Ignore},
	{ID: "script.process", About: "processes: os.fork, multiprocessing …", Grantable: true, Standard: Ignore, Minimal: Ignore},
	{ID: "script.thread", About: "threads, which level maximum has none of", Grantable: true, Strict: Ignore, Standard: Ignore, Minimal: Ignore},
	// The sandbox's one process is the script's own: it harms nobody else.
	{ID: "script.control", About: "settings of the whole process: signal, resource, sys.settrace …", Grantable: true, Maximum: Warn, Strict: Warn, Standard: Ignore, Minimal: Ignore},
}

// ScriptRules lists all rules.
func ScriptRules() []ScriptRule { return slices.Clone(scriptRules) }

// FindScriptRule returns the rule of that ID.
func FindScriptRule(id string) (ScriptRule, bool) {
	i := slices.IndexFunc(scriptRules, func(r ScriptRule) bool { return r.ID == id })
	if i < 0 {
		return ScriptRule{}, false
	}
	return scriptRules[i], true
}

// At is the level's response to a finding of the rule.
func (r ScriptRule) At(l Level) Response {
	switch l {
	case Strict:
		return r.Strict
	case Standard:
		return r.Standard
	case Minimal:
		return r.Minimal
	case Maximum:
	}
	return r.Maximum
}

// ScriptNames are dotted names of modules and functions, such as
// "subprocess.run"; a builtin is its bare name. Each covers what is below it.
type ScriptNames []string

// Cover reports whether one of the names is the subject or above it.
func (n ScriptNames) Cover(subject string) bool {
	return slices.ContainsFunc(n, func(name string) bool { return name == subject || strings.HasPrefix(subject, name+".") })
}

// Reach reports whether one of the names is the module or in it: importing the
// module is then no more than a way to the name.
func (n ScriptNames) Reach(module string) bool {
	return n.Cover(module) || slices.ContainsFunc(n, func(name string) bool { return strings.HasPrefix(name, module+".") })
}
