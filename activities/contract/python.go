package contract

import (
	"slices"
	"strings"
)

// PythonNames are the modules and functions beyond plain computing that a
// script's metadata asks for. A nil list asks for nothing and limits nothing;
// any other is also the limit.
type PythonNames struct {
	Modules   []string `json:"modules,omitzero"`
	Functions []string `json:"functions,omitzero"`
}

// The metadata keys, of a document or a task; python: {allowed_modules: …} is the
// same. Each value is a list of names, or one text with commas.
const (
	AllowedModules   = "python.allowed_modules"
	AllowedFunctions = "python.allowed_functions"
)

// NewPythonNames reads the metadata of a document and of a task in it. Where
// both have a list, only what both name is left.
func NewPythonNames(document, task map[string]any) PythonNames {
	return PythonNames{
		Modules:   common(names(document, AllowedModules), names(task, AllowedModules)),
		Functions: common(names(document, AllowedFunctions), names(task, AllowedFunctions)),
	}
}

// names reads one list. A value of another form names nothing, which is a limit.
func names(metadata map[string]any, key string) []string {
	value, ok := metadata[key]
	if group, name, _ := strings.Cut(key, "."); !ok {
		inner, _ := metadata[group].(map[string]any)
		value, ok = inner[name]
	}
	if !ok {
		return nil
	}
	list := []string{}
	switch value := value.(type) {
	case string:
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name != "" {
				list = append(list, name)
			}
		}
	case []any:
		for _, item := range value {
			if name, ok := item.(string); ok && name != "" {
				list = append(list, name)
			}
		}
	}
	return list
}

// common is what both lists name; a nil list names everything.
func common(a, b []string) []string {
	if a == nil || b == nil {
		return append(a, b...)
	}
	both := []string{}
	for _, pair := range [][2][]string{{a, b}, {b, a}} {
		for _, name := range pair[0] {
			if slices.ContainsFunc(pair[1], func(above string) bool { return name == above || strings.HasPrefix(name, above+".") }) {
				both = append(both, name)
			}
		}
	}
	slices.Sort(both)
	return slices.Compact(both)
}
