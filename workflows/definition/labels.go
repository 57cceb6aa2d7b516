package definition

import (
	"maps"
	"slices"
)

// Bounds of what a document says of itself to policies.
const (
	maxLabels = 32
	maxLabel  = 256 // bytes of a name, and of a value
)

// Labels are what the document says of itself: its tags, and the members of its
// metadata that are texts. Of one name the tag counts. Long ones, and those after
// the first 32 by name, are left out.
func (d Document) Labels() map[string]string {
	all := map[string]string{}
	for _, members := range []map[string]any{d.Tags, d.Metadata} {
		//workflowcheck:ignore they are sorted
		for _, name := range slices.Sorted(maps.Keys(members)) {
			text, isText := members[name].(string)
			if _, taken := all[name]; taken || !isText || len(name) > maxLabel || len(text) > maxLabel || len(all) == maxLabels {
				continue
			}
			all[name] = text
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// SandboxLevel is the level that metadata asks for, as sandbox.level or as
// sandbox: {level: …}; empty where it asks for none. What is no text is asked for
// as "?", which is no level.
func SandboxLevel(metadata map[string]any) string {
	value, ok := metadata["sandbox.level"]
	if !ok {
		group, _ := metadata["sandbox"].(map[string]any)
		if value, ok = group["level"]; !ok {
			return ""
		}
	}
	if text, isText := value.(string); isText && text != "" {
		return text
	}
	return "?"
}
