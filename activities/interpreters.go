package activities

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/runners"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/zygote"
)

// Interpreters are the programs that run scripts: absolute host paths, which
// are the same inside the sandbox.
type Interpreters struct{ Python, Node, Shell string }

// HostInterpreters are those of this machine's distribution.
func HostInterpreters() Interpreters {
	return Interpreters{Python: "/usr/bin/python3", Node: "/usr/bin/node", Shell: "/bin/sh"}
}

// Installed says which program runs the language, or what is missing.
func (in Interpreters) Installed(language string) (string, error) {
	path, hint := in.Python, "apt-get install python3"
	switch language {
	case "python":
	case "js", "javascript":
		path, hint = in.Node, "apt-get install nodejs"
	default:
		return "", configurationFault("scripts in %q are not supported; use python or js", language)
	}
	if _, err := os.Stat(path); err != nil {
		return "", configurationFault("the interpreter for %s is missing: %v; install it (%s) on the worker's machine", language, err, hint)
	}
	return path, nil
}

// maxCode bounds a script, in bytes (B25).
const maxCode = 1 << 20

func (in Interpreters) script(request contract.Process, level policies.Level) (sandbox.Spec, error) {
	path, err := in.Installed(request.Language)
	if err != nil {
		return sandbox.Spec{}, err
	}
	if len(request.Code) > maxCode {
		return sandbox.Spec{}, configurationFault("the script is %d bytes, over the limit of %d", len(request.Code), maxCode)
	}
	if err := CheckArguments(request.Language, request.Arguments); err != nil {
		return sandbox.Spec{}, err
	}
	spec, err := base(request, level)
	if err != nil {
		return spec, err
	}
	if request.Language == "python" {
		return python(spec, path, request.Code, level), nil
	}
	return node(spec, path, request.Code, level)
}

// python isolates the interpreter from its surroundings (-I), leaves out site
// (-S) and byte code (-B), and reads and writes UTF-8 whatever the locale.
func python(spec sandbox.Spec, path, code string, level policies.Level) sandbox.Spec {
	spec.Argv = []string{path, "-I", "-S", "-B", "-X", "utf8", "/lazaret/run.py"}
	spec.Files = append(spec.Files,
		sandbox.File{Path: "/lazaret/run.py", Content: runners.Python},
		sandbox.File{Path: pythonModule, Content: moduleFor(false)},
		sandbox.File{Path: pythonScript, Content: []byte(code)})
	return waiting(spec, level)
}

const pythonScript = "/lazaret/script.py"

// waiting lets the interpreter of a Python script be started before the script is
// known. Of the variables those are there from the start that something may read only
// then; the others are the run's, and may be its secrets.
func waiting(spec sandbox.Spec, level policies.Level) sandbox.Spec {
	started := func(how string) []string { return slices.Insert(slices.Clone(spec.Argv), 1, "-X", how) }
	w := &sandbox.Warm{Argv: started("warm"), Late: pythonScript, Zygote: &sandbox.Zygote{
		Argv: started("zygote"), Files: []sandbox.File{{Path: "/lazaret/zygote.py", Content: zygote.Python}},
	}}
	// There no new code can be made, so that what is left is to jump about in what is there.
	w.OwnLayout = level == policies.Maximum
	for _, v := range spec.Env {
		if name, _, _ := strings.Cut(v, "="); early(name) {
			w.Env = append(w.Env, v)
		}
	}
	spec.Warm = w
	return spec
}

// earlyVariables are read by the C library, OpenSSL or the interpreter when a program
// starts, and not again; those that end in an underscore are the beginnings of such.
var earlyVariables = []string{
	"PATH", "HOME", "LANG", "LANGUAGE", "LC_", "LOCPATH", "TZ", "TZDIR", "LD_", "GLIBC_", "MALLOC_", "OPENSSL_", "SSL_",
}

func early(name string) bool {
	return slices.ContainsFunc(earlyVariables, func(known string) bool {
		return name == known || strings.HasSuffix(known, "_") && strings.HasPrefix(name, known)
	})
}

func node(spec sandbox.Spec, path, code string, level policies.Level) (sandbox.Spec, error) {
	if level == policies.Maximum {
		return spec, refused("js needs threads and executable memory, which level maximum forbids; use python, or a level that the operator grants")
	}
	spec.Argv = []string{path, "/lazaret/run.mjs"}
	if len(spec.Arguments) > 0 {
		// Without arguments the number is free, and node uses it for itself.
		spec.Argv = append(spec.Argv, "3")
	}
	spec.Files = append(spec.Files,
		sandbox.File{Path: "/lazaret/run.mjs", Content: runners.Node},
		sandbox.File{Path: "/lazaret/script.mjs", Content: []byte(code)})
	return spec, nil
}

func (in Interpreters) shell(request contract.Process, level policies.Level) (sandbox.Spec, error) {
	spec, err := base(request, level)
	if err != nil {
		return spec, err
	}
	words, err := shellWords(request.Arguments)
	if err != nil {
		return spec, err
	}
	spec.Argv = append([]string{in.Shell, "-c", request.Code, "sh"}, words...)
	spec.Arguments = nil
	return spec, nil
}

// base is what every program is given: its level's permissions, the host's
// read-only system, its input, environment and arguments.
func base(request contract.Process, level policies.Level) (sandbox.Spec, error) {
	spec, err := policies.SpecFor(level)
	if err != nil {
		return spec, refused(err.Error())
	}
	host := sandbox.HostEnvironment()
	spec.Binds = append(spec.Binds, host.Binds...)
	spec.Files = append(spec.Files, host.Files...)
	spec.Stdin = []byte(request.Stdin)
	spec.Env, err = environment(request)
	if err != nil {
		return spec, err
	}
	if len(request.Arguments) > 0 {
		spec.Arguments = []byte(base64.StdEncoding.EncodeToString(request.Arguments))
	}
	return spec, nil
}

// argumentVariables carry a copy of small arguments; the first name is ours,
// the second is what scripts written for an older runtime read (B09).
var argumentVariables = []string{"LAZARET_ARGS_BASE64", "JOBWORKERP_ARGS_BASE64"}

// maxVariable bounds one environment string; the kernel's own limit is 128 KiB
// (execve(2), MAX_ARG_STRLEN).
const maxVariable = 64 << 10

// environment is the program's whole environment, in a fixed order.
func environment(request contract.Process) ([]string, error) {
	env := []string{"PATH=/usr/bin:/bin", "HOME=/", "LANG=C.UTF-8"}
	if encoded := base64.StdEncoding.EncodedLen(len(request.Arguments)); encoded > 0 && encoded < maxVariable {
		for _, name := range argumentVariables {
			env = append(env, name+"="+base64.StdEncoding.EncodeToString(request.Arguments))
		}
	}
	names := make([]string, 0, len(request.Environment))
	for name := range request.Environment {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := request.Environment[name]
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			return nil, configurationFault("environment variable %q: a name has no = and neither has a NUL", name)
		}
		if len(name)+len(value) > maxVariable {
			return nil, configurationFault("environment variable %q is %d bytes, over the limit of %d; use stdin or arguments", name, len(name)+len(value), maxVariable)
		}
		env = append(env, name+"="+value)
	}
	return env, nil
}

// shellWords are a shell command's $1, $2 …: a list as it is, a map as --name value.
func shellWords(arguments json.RawMessage) ([]string, error) {
	if len(arguments) == 0 {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(arguments))
	decoder.UseNumber() // a number is passed on as it is written
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, configurationFault("arguments: %v", err)
	}
	switch value := value.(type) {
	case []any:
		words := make([]string, len(value))
		for i, item := range value {
			words[i] = word(item)
		}
		return words, nil
	case map[string]any:
		return optionWords(value), nil
	}
	return nil, configurationFault("arguments are neither an object nor an array")
}

// optionWords gives --name value for each member, in the order of their names:
// true is a bare --name, false and null are left out.
func optionWords(values map[string]any) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var words []string
	for _, name := range names {
		switch value := values[name].(type) {
		case nil:
		case bool:
			if value {
				words = append(words, "--"+name)
			}
		default:
			words = append(words, "--"+name, word(value))
		}
	}
	return words
}

func word(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSuffix(text.String(), "\n")
}

func configurationFault(format string, args ...any) *contract.Fault {
	return &contract.Fault{Type: contract.ConfigurationError, Status: 400, Title: "Configuration error", Detail: fmt.Sprintf(format, args...)}
}

// Spec is how a program of the given language runs at a level, outside any
// execution. The language "shell" is run.shell's. Its error is a *contract.Fault.
func (in Interpreters) Spec(request contract.Process, level policies.Level) (sandbox.Spec, error) {
	if request.Language == "shell" {
		return in.shell(request, level)
	}
	return in.script(request, level)
}
