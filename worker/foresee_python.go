package worker

import (
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/definition"
)

// python is about what a script asks of its interpreter.
func (f *foresight) python(t *definition.Task, e policies.Effective, asked definition.Python) {
	for _, text := range asked.Packages {
		if name, ok := environments.PackageName(text); ok && !e.Python.Packages.Match(name) {
			f.refuses(f.setting(t, "packages"), "package", f.why.Decider("python.packages"), "the operator may list it under python.packages",
				"the policy does not let this definition use the package %s", name)
		}
	}
	if asked.Version != "" && !e.Python.Versions.Match(asked.Version) {
		f.refuses(f.setting(t, "version"), "package", f.why.Decider("python.versions"), "the operator may list it under python.versions",
			"the policy does not let this definition use Python %s", asked.Version)
	}
	if asked.RequirementsURL == "" {
		return
	}
	place := f.setting(t, "requirements_url")
	if !e.Python.Requirements {
		f.refuses(place, "package", f.why.Decider("python.requirements"), "list python.packages, or the operator may permit it with python.requirements: true",
			"the policy does not let this definition bring a requirements file")
		return
	}
	f.source(t, e, place, asked.RequirementsURL)
}

// setting is where metadata of the task, or else of the document, has a setting below
// python: as one key with a dot, or as an object.
func (f *foresight) setting(t *definition.Task, name string) string {
	for _, m := range []struct {
		metadata map[string]any
		pointer  string
	}{{t.Metadata, t.Reference + "/metadata"}, {f.def.Document.Metadata, "/document/metadata"}} {
		if _, flat := m.metadata["python."+name]; flat {
			return m.pointer + "/python." + name
		}
		if group, ok := m.metadata["python"].(map[string]any); ok && group[name] != nil {
			return m.pointer + "/python/" + name
		}
	}
	return t.Reference
}
