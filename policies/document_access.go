package policies

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

var pythonSettings = []*setting{
	{
		key: "python.allow", about: "Python modules and functions, such as subprocess.run, for scripts whose metadata asks for them (B62)",
		form: `{"type": "array", "items": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_.]*$"}}`,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			names, nodes, ok := r.texts(n, "python.allow")
			for i, name := range names {
				if name != "" && !dotted(name) {
					r.wrong(nodes[i], "write it as subprocess.run", "%q is no name of a Python module or function", clip(name))
					ok = false
				}
			}
			return ScriptNames(names), ok
		},
		apply: func(e *Effective, v any) { e.Python.Allow = v.(ScriptNames) },
		show:  func(e Effective) any { return list(e.Python.Allow) },
		narrows: func(child, parent Effective) bool {
			return !slices.ContainsFunc(child.Python.Allow, func(name string) bool { return !parent.Python.Allow.Cover(name) })
		},
	},
	patterns("python.versions", "versions of Python that its scripts may ask for (default all that the worker has)", func(e *Effective) *Patterns { return &e.Python.Versions }),
	patterns("python.packages", "Python packages that its scripts may ask for (default all that the index has)", func(e *Effective) *Patterns { return &e.Python.Packages }),
	patterns("python.indexes", "package indexes, one of which must be the worker's --python-index (default any)", func(e *Effective) *Patterns { return &e.Python.Indexes }),
	flag("python.requirements", "whether it may name a requirements file of its own, on a source host, with hashes", func(e *Effective) *bool { return &e.Python.Requirements }),
}

var accessSettings = []*setting{
	patterns("secrets", "names of the secrets that it may read (default none)", func(e *Effective) *Patterns { return &e.Secrets }),
	{
		key: "shares", about: "folders of the worker's machine that its programs may read, under their own paths",
		form: `{"type": "array", "items": {"type": "string", "pattern": "^/"}}`,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			folders, nodes, ok := r.texts(n, "shares")
			for i, folder := range folders {
				if !filepath.IsAbs(folder) || filepath.Clean(folder) != folder || folder == "/" {
					r.wrong(nodes[i], "write it as /srv/data", "share %q is no absolute path of a folder below the root", clip(folder))
					ok = false
				}
			}
			return folders, ok
		},
		apply: func(e *Effective, v any) { e.Shares = v.([]string) },
		show:  func(e Effective) any { return list(e.Shares) },
		narrows: func(child, parent Effective) bool {
			return !slices.ContainsFunc(child.Shares, func(folder string) bool {
				return !slices.ContainsFunc(parent.Shares, func(above string) bool { return folder == above || strings.HasPrefix(folder, above+"/") })
			})
		},
	},
	{
		key: "libvirt", about: "what it may ask of libvirt, as in --libvirt-policy but for definitions (default six operations that only read)",
		form:    libvirtForm,
		read:    (*documentReader).libvirt,
		apply:   func(e *Effective, v any) { e.Libvirt = v.(Libvirt) },
		show:    func(e Effective) any { return showLibvirt(e.Libvirt) },
		narrows: func(child, parent Effective) bool { return child.Libvirt.within(parent.Libvirt) },
	},
}

func dotted(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || part[0] >= '0' && part[0] <= '9' {
			return false
		}
	}
	return true
}

// patterns is a setting of names in which * may stand.
func patterns(key, about string, at func(*Effective) *Patterns) *setting {
	return &setting{
		key: key, about: about, form: `{"type": "array", "items": {"type": "string"}}`,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			texts, nodes, ok := r.texts(n, key)
			for i, text := range texts {
				if _, err := path.Match(text, ""); err != nil || strings.ContainsAny(text, `[]\`) {
					r.wrong(nodes[i], "of a pattern's signs there are * and ?", "%s: %q is no pattern", key, clip(text))
					ok = false
				}
			}
			return Patterns(texts), ok
		},
		apply: func(e *Effective, v any) { *at(e) = v.(Patterns) },
		show:  func(e Effective) any { return list(*at(&e)) },
		narrows: func(child, parent Effective) bool {
			return !slices.ContainsFunc(*at(&child), func(name string) bool { return !at(&parent).cover(name) })
		},
	}
}

// cover says whether the patterns fit all that another pattern fits, as far as
// can be told: a pattern is covered by itself, and by one star.
func (p Patterns) cover(pattern string) bool {
	if slices.Contains(p, pattern) || slices.Contains(p, "*") && !strings.Contains(pattern, "/") {
		return true
	}
	return !strings.ContainsAny(pattern, "*?") && p.Match(pattern)
}

func flag(key, about string, at func(*Effective) *bool) *setting {
	return &setting{
		key: key, about: about, form: `{"type": "boolean"}`,
		read:    func(r *documentReader, n *yaml.Node) (any, bool) { return boxed(r.boolean(n, key)) },
		apply:   func(e *Effective, v any) { *at(e) = v.(bool) },
		show:    func(e Effective) any { return *at(&e) },
		narrows: func(child, parent Effective) bool { return !*at(&child) || *at(&parent) },
	}
}

var (
	libvirtKeys   = []string{"uris", "readonly", "timeout", "max_concurrent_ops", "max_ops_per_minute", "auth_required", "identities", "allowed_operations", "approval", "approval_timeout", "events", "dangerous"}
	dangerousKeys = []string{"acknowledge", "allowed_operations", "hostdev"}
)

func (r *documentReader) libvirt(n *yaml.Node) (any, bool) {
	before := len(r.findings)
	entries := r.object(n, "libvirt", libvirtKeys)
	if dangerous := lookup(entries, "dangerous"); dangerous != nil {
		r.object(dangerous, "libvirt.dangerous", dangerousKeys)
	}
	if len(r.findings) > before {
		return nil, false
	}
	var section libvirtSection
	if err := n.Decode(&section); err != nil {
		wrong := yamlError(err)
		at := placeOf(n)
		if wrong.Line > 0 {
			at = place{wrong.Line, wrong.Column}
		}
		r.fail(at, "policy.type", "", "libvirt: %s", wrong.Message)
		return nil, false
	}
	p := policyReader{operations: r.operations, checkURI: r.checkURI, signers: exported(r.signers)}
	l := p.section(&section)
	if wrong, ok := p.err.(*PolicyError); ok { //nolint:errorlint // the reader makes no other
		at := place{wrong.Line, wrong.Column}
		if wrong.Line == 0 {
			at = placeOf(n)
		}
		r.fail(at, "policy.libvirt", wrong.Hint, "libvirt: %s", wrong.Message)
		return nil, false
	}
	return l, true
}

// within says whether the policy allows nothing that another one does not.
func (l Libvirt) within(o Libvirt) bool {
	return within(l.URIs, o.URIs) && (l.ReadOnly || !o.ReadOnly) && l.Timeout <= o.Timeout && l.Concurrent <= o.Concurrent &&
		l.PerMinute <= o.PerMinute && within(l.Events, o.Events) && within(l.Allow, o.Allow) && l.approvesLike(o) && l.ApprovalWithin <= o.ApprovalWithin &&
		(!l.Dangerous.Acknowledged || o.Dangerous.Acknowledged) && within(l.Dangerous.Allow, o.Dangerous.Allow) &&
		(!l.Dangerous.Hostdev || o.Dangerous.Hostdev) && l.authenticatesLike(o)
}

// approvesLike says whether whatever needs an approval in another policy does here.
func (l Libvirt) approvesLike(o Libvirt) bool {
	return within(o.Approval, l.Approval) && !slices.ContainsFunc(o.ApprovalOn, func(a LibvirtApproval) bool {
		return !slices.Contains(l.Approval, a.Operation) && !slices.Contains(l.ApprovalOn, a)
	})
}

func showLibvirt(l Libvirt) any {
	return map[string]any{
		"uris": list(l.URIs), "readonly": l.ReadOnly, "timeout": int(l.Timeout.Seconds()),
		"max_concurrent_ops": l.Concurrent, "max_ops_per_minute": l.PerMinute,
		"allowed_operations": list(l.Allow), "approval": showApprovals(l), "approval_timeout": int(l.ApprovalWithin.Seconds()),
		"events": list(l.Events), "auth_required": l.AuthRequired, "identities": showIdentities(l),
		"dangerous": map[string]any{
			"acknowledge": l.Dangerous.Acknowledged, "allowed_operations": list(l.Dangerous.Allow), "hostdev": l.Dangerous.Hostdev,
		},
	}
}

func showApprovals(l Libvirt) []any {
	all := []any{}
	for _, operation := range l.Approval {
		all = append(all, operation)
	}
	for _, a := range l.ApprovalOn {
		one := map[string]any{"operation": a.Operation}
		if a.URI != "" {
			one["uri"] = a.URI
		}
		if a.Name != "" {
			one["name"] = a.Name
		}
		all = append(all, one)
	}
	return all
}
