package definition

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const languagePage = "../../docs/author/language.md"

// TestLanguage_TableIsCurrent holds the table of the language's properties
// against the checker: a property is refused where the checker, given a document
// with every property, says that it is unsupported. UPDATE_DOCS=1 writes it.
func TestLanguage_TableIsCurrent(t *testing.T) {
	const begin, end = "<!-- properties: generated -->\n", "<!-- end of properties -->"
	page := readFile(t, filepath.FromSlash(languagePage))
	head, rest, found := strings.Cut(page, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no table", languagePage)
	}
	want := head + begin + languageTable(t) + end + tail
	if os.Getenv("UPDATE_DOCS") != "" {
		if err := os.WriteFile(languagePage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != page {
		t.Errorf("%s is not what the checker says; run UPDATE_DOCS=1 go test ./workflows/definition -run Language", languagePage)
	}
}

func languageTable(t *testing.T) string {
	t.Helper()
	states := map[string]string{}
	for _, part := range surfaceParts(t) {
		text, err := json.Marshal(part.document(part.value))
		if err != nil {
			t.Fatal(err)
		}
		root := &checker{}
		whole := root.read(text)
		_, findings := Draft("surface.json", text)
		eachProperty(whole.get(part.key), func(cur cursor) {
			name := propertyName(whole, cur)
			state := "accepted"
			if refusedAt(findings, cur.ref) {
				state = "refused"
			}
			if known, again := states[name]; name != "" && (!again || known == "refused") {
				states[name] = state // refused is what is refused everywhere
			}
		})
	}
	var b strings.Builder
	b.WriteString("| property | now |\n|---|---|\n")
	names := make([]string, 0, len(states))
	for name := range states {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, states[name])
	}
	return b.String()
}

// refusedAt reports whether the checker says that what is at ref, or something
// that holds it, is unsupported. What is said of a task's kind is about the task.
func refusedAt(findings Findings, ref string) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool {
		about := f.Reference
		if i := strings.LastIndexByte(about, '/'); contains(taskKinds, about[i+1:]) {
			about = about[:i]
		}
		return strings.HasPrefix(f.Rule, "unsupported.") && (ref == about || strings.HasPrefix(ref, about+"/"))
	})
}

// eachProperty visits every property of a tree but those of free data.
func eachProperty(cur cursor, visit func(cursor)) {
	visit(cur)
	for i := range cur.members() {
		eachProperty(cur.member(&cur.node.members[i]), visit)
	}
	if cur.is(arrayNode) {
		for _, item := range cur.items() {
			eachProperty(item, visit)
		}
	}
}

// free are the properties whose content is the author's own.
var free = []string{"tags", "metadata", "document", "set", "headers", "query", "body", "environment", "arguments", "data", "payload", "parameters", "variables", "options", "volumes", "ports", "input"}

// propertyName is a property as the table calls it: by the kind of its task,
// without the names that authors give. It is "" for what is no property.
func propertyName(root, cur cursor) string {
	tokens := splitPointer(cur.ref)
	var name []string
	at := root
	for i, token := range tokens {
		named := namedByAuthor(tokens, i)
		at = at.step(token)
		switch _, err := strconv.Atoi(token); {
		case err == nil:
			if i == len(tokens)-1 {
				return ""
			}
		case named && i > 0 && tokens[0] == "do" && len(name) == 1:
			name = []string{taskLabel(at)}
		case named:
			name = append(name, "NAME")
		case i == 3 && tokens[0] == "do" && contains(taskKinds, token):
			// the task's label says it
		default:
			name = append(name, token)
		}
		if i < len(tokens)-1 && i > 0 && contains(free, token) && tokens[i-1] != "schema" && !named || token == "document" && i > 0 {
			if i < len(tokens)-1 {
				return ""
			}
		}
	}
	if len(name) == 1 && tokens[0] == "do" && len(tokens) > 1 {
		return name[0]
	}
	return strings.Join(name, ".")
}

// namedByAuthor reports whether the token at i is a name of the author's: of a
// task, of a reusable part, of a case.
func namedByAuthor(tokens []string, i int) bool {
	if i < 2 {
		return false
	}
	if _, err := strconv.Atoi(tokens[i-1]); err == nil {
		return taskLists[tokens[i-2]] || tokens[i-2] == "switch" || tokens[i-2] == "extensions"
	}
	return i == 2 && tokens[0] == "use"
}

// taskLabel is a task as the table calls it: its kind.
func taskLabel(task cursor) string {
	kinds := kindsOf(task)
	if len(kinds) == 0 {
		return "task"
	}
	if call := task.get("call").str(); protocols[call] {
		return "call: " + call
	}
	for _, process := range []string{"script", "shell", "container", "workflow"} {
		if task.get("run").get(process).exists() {
			return "run"
		}
	}
	return kinds[0]
}
