package policies

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"lazaret.dev/lazaret/sandbox"
)

// reactionSettings are what follows from violations.
var reactionSettings = []*setting{
	threshold("thresholds.violations", "so many violations that count put it into quarantine", func(e *Effective) *int { return &e.Thresholds.After }),
	{
		key: "thresholds.decay", about: "how long a violation counts; without, for ever", form: durationForm,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			return boxed(r.duration(n, "thresholds.decay", time.Minute, 3650*day))
		},
		apply: func(e *Effective, v any) { e.Thresholds.Decay = v.(time.Duration) },
		show:  func(e Effective) any { return durationText(e.Thresholds.Decay) },
		narrows: func(child, parent Effective) bool {
			return child.Thresholds.Decay == 0 || parent.Thresholds.Decay > 0 && child.Thresholds.Decay >= parent.Thresholds.Decay
		},
	},
	threshold("thresholds.watch", "the number that takes the place of violations while it is watched after a release", func(e *Effective) *int { return &e.Thresholds.Watch }),
	{
		key: "thresholds.watchFor", about: "how long it is watched after a release", form: durationForm,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			return boxed(r.duration(n, "thresholds.watchFor", time.Minute, 3650*day))
		},
		apply:   func(e *Effective, v any) { e.Thresholds.WatchFor = v.(time.Duration) },
		show:    func(e Effective) any { return durationText(e.Thresholds.WatchFor) },
		narrows: func(child, parent Effective) bool { return child.Thresholds.WatchFor >= parent.Thresholds.WatchFor },
	},
	{
		key: "thresholds.alertOnly", about: "whether people are alerted and nothing is put into quarantine by itself (default at level minimal alone)", form: `{"type": "boolean"}`,
		read:    func(r *documentReader, n *yaml.Node) (any, bool) { return boxed(r.boolean(n, "thresholds.alertOnly")) },
		apply:   func(e *Effective, v any) { e.Thresholds.Automatic = !v.(bool) },
		show:    func(e Effective) any { return !e.Thresholds.Automatic },
		narrows: func(child, parent Effective) bool { return child.Thresholds.Automatic || !parent.Thresholds.Automatic },
	},
	{
		key: "onQuarantine", about: "what becomes of its running executions: they hold at the next task, or fault (default hold)", form: `{"enum": ["hold", "fault"]}`,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			word, ok := r.choice(n, "onQuarantine", string(HoldExecutions), string(FaultExecutions))
			return QuarantineAction(word), ok
		},
		apply: func(e *Effective, v any) { e.OnQuarantine = v.(QuarantineAction) },
		show:  func(e Effective) any { return string(e.OnQuarantine) },
	},
	flag("review.authorMayRelease", "whether who published it may release it (default not)", func(e *Effective) *bool { return &e.Review.AuthorMayRelease }),
	{
		key: "review.reviewers", about: "the only people who may release it (default anybody with the right to ask)", form: `{"type": "array", "minItems": 1, "items": {"type": "string"}}`,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			names, _, ok := r.texts(n, "review.reviewers")
			if ok && len(names) == 0 {
				r.wrong(n, "leave it out", "review.reviewers is empty")
				return nil, false
			}
			return names, ok
		},
		apply: func(e *Effective, v any) { e.Review.Reviewers = v.([]string) },
		show:  func(e Effective) any { return list(e.Review.Reviewers) },
		narrows: func(child, parent Effective) bool {
			return len(parent.Review.Reviewers) == 0 || len(child.Review.Reviewers) > 0 && within(child.Review.Reviewers, parent.Review.Reviewers)
		},
	},
	{
		key: "notify", about: "targets that are told, besides those of the rule that this one extends: {target, severity, rules}",
		form: `{"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["target"], "properties": {
			"target": {"type": "string"}, "severity": {"enum": ["Low", "Medium", "High", "Critical"]}, "rules": {"type": "array", "items": {"type": "string"}}}}}`,
		read:  (*documentReader).routes,
		apply: func(e *Effective, v any) { e.Notify = append(slices.Clone(e.Notify), v.([]NotifyRoute)...) },
		show:  func(e Effective) any { return showRoutes(e.Notify) },
		narrows: func(child, parent Effective) bool {
			return len(child.Notify) >= len(parent.Notify)
		},
	},
}

func threshold(key, about string, at func(*Effective) *int) *setting {
	const most = 1_000_000
	return &setting{
		key: key, about: about, form: `{"type": "integer", "minimum": 1, "maximum": 1000000}`,
		read:    func(r *documentReader, n *yaml.Node) (any, bool) { return boxed(r.integer(n, key, 1, most)) },
		apply:   func(e *Effective, v any) { *at(e) = int(v.(int64)) },
		show:    func(e Effective) any { return *at(&e) },
		narrows: func(child, parent Effective) bool { return *at(&child) <= *at(&parent) },
	}
}

var severities = []string{sandbox.Low.String(), sandbox.Medium.String(), sandbox.High.String(), sandbox.Critical.String()}

// routes reads the list notify; its targets are found when the document is read.
func (r *documentReader) routes(n *yaml.Node) (any, bool) {
	if n.Kind != yaml.SequenceNode {
		r.fail(placeOf(n), "policy.type", "write it as [{target: ops, severity: High}]", "notify must be a list")
		return nil, false
	}
	before := len(r.findings)
	var all []NotifyRoute
	for _, item := range n.Content {
		all = append(all, r.route(item))
	}
	return all, len(r.findings) == before
}

func (r *documentReader) route(n *yaml.Node) NotifyRoute {
	entries := r.object(n, "an entry of notify", []string{"target", "severity", "rules"})
	route := NotifyRoute{MinSeverity: sandbox.High}
	if target := lookup(entries, "target"); target == nil {
		r.fail(placeOf(n), "policy.missing", "name one of targets", "an entry of notify names no target")
	} else if name, ok := r.text(target, "target"); ok {
		i := slices.IndexFunc(r.targets, func(t NotifyTarget) bool { return t.Name == name })
		if i < 0 {
			r.fail(placeOf(target), "policy.target", r.nearest(name, targetNames(r.targets)), "there is no target %q", clip(name))
		} else {
			route.Target = r.targets[i]
			r.usedTargets[name] = true
		}
	}
	if severity := lookup(entries, "severity"); severity != nil {
		if word, ok := r.choice(severity, "severity", severities...); ok {
			_ = route.MinSeverity.UnmarshalText([]byte(word)) // one of its names
		}
	}
	if rules := lookup(entries, "rules"); rules != nil {
		names, _, _ := r.texts(rules, "rules")
		route.Rules = names
	}
	return route
}

func targetNames(targets []NotifyTarget) []string {
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.Name
	}
	return names
}

func showRoutes(routes []NotifyRoute) any {
	all := make([]any, len(routes))
	for i, route := range routes {
		all[i] = map[string]any{"target": route.Target.Name, "severity": route.MinSeverity.String(), "rules": list(route.Rules)}
	}
	return all
}
