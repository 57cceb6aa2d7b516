package policies

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Finding is one thing about a policy document, with its place and its remedy.
type Finding struct {
	File         string
	Line, Column int // counted from 1
	Rule         string
	Warning      bool // it does not stop the policy from being used
	Message      string
	Hint         string // one line, or empty
}

func (f Finding) String() string {
	text := fmt.Sprintf("%s:%d:%d: %s [%s]", f.File, f.Line, f.Column, f.Message, f.Rule)
	if f.Hint != "" {
		text += "; " + f.Hint
	}
	return text
}

// DocumentError is everything that is wrong with a policy document, in the order
// of its lines.
type DocumentError struct{ Findings []Finding }

func (e *DocumentError) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// maxFindings bounds what is said about one document.
const maxFindings = 100

// documentReader reads the values of a document and collects what is wrong.
type documentReader struct {
	file       string
	operations []LibvirtOperation
	checkURI   func(string) error
	suggest    func(word string, known []string) string
	findings   []Finding

	signers     []signer
	targets     []NotifyTarget
	usedTargets map[string]bool
}

func placeOf(n *yaml.Node) place { return place{n.Line, n.Column} }

func (r *documentReader) fail(at place, rule, hint, format string, args ...any) {
	if len(r.findings) < maxFindings {
		r.findings = append(r.findings, Finding{
			File: r.file, Line: max(at.line, 1), Column: max(at.column, 1), Rule: rule, Hint: hint, Message: fmt.Sprintf(format, args...),
		})
	}
}

func (r *documentReader) wrong(n *yaml.Node, hint, format string, args ...any) {
	r.fail(placeOf(n), "policy.value", hint, format, args...)
}

// entry is one of an object.
type entry struct {
	key, value *yaml.Node
}

// object reads an object's entries; what is not known, or there twice, is wrong.
// A nil list of known keys takes any.
func (r *documentReader) object(n *yaml.Node, what string, known []string) []entry {
	if n.Kind != yaml.MappingNode {
		r.fail(placeOf(n), "policy.type", "", "%s must be an object", what)
		return nil
	}
	var all []entry
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.fail(placeOf(key), "policy.type", "", "a key of %s must be a word", what)
		case seen[key.Value]:
			r.fail(placeOf(key), "policy.duplicate", "", "%s has %q twice", what, clip(key.Value))
		case known != nil && !slices.Contains(known, key.Value):
			r.fail(placeOf(key), "policy.unknown", r.nearest(key.Value, known), "%s has no setting %q", what, clip(key.Value))
		default:
			all = append(all, entry{key, value})
		}
		seen[key.Value] = true
	}
	return all
}

// lookup is an entry's value; nil where there is none.
func lookup(entries []entry, key string) *yaml.Node {
	for _, m := range entries {
		if m.key.Value == key {
			return m.value
		}
	}
	return nil
}

func (r *documentReader) text(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		hint := ""
		if n.Kind == yaml.ScalarNode {
			hint = "put it in quotes"
		}
		r.fail(placeOf(n), "policy.type", hint, "%s must be a text", what)
		return "", false
	}
	if n.Value == "" || strings.ContainsFunc(n.Value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		r.wrong(n, "", "%s must be a text on one line, and not empty", what)
		return "", false
	}
	return n.Value, true
}

func (r *documentReader) boolean(n *yaml.Node, what string) (bool, bool) {
	var b bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&b) != nil {
		r.fail(placeOf(n), "policy.type", "", "%s must be true or false", what)
		return false, false
	}
	return b, true
}

func (r *documentReader) integer(n *yaml.Node, what string, least, most int64) (int64, bool) {
	var i int64
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&i) != nil {
		r.fail(placeOf(n), "policy.type", "", "%s must be a whole number", what)
		return 0, false
	}
	if i < least || i > most {
		r.wrong(n, "", "%s is %d, which is not within %d and %d", what, i, least, most)
		return 0, false
	}
	return i, true
}

func (r *documentReader) number(n *yaml.Node, what string, least, most float64) (float64, bool) {
	var f float64
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" && n.ShortTag() != "!!float" || n.Decode(&f) != nil || math.IsNaN(f) {
		r.fail(placeOf(n), "policy.type", "", "%s must be a number", what)
		return 0, false
	}
	if f < least || f > most {
		r.wrong(n, "", "%s is %g, which is not within %g and %g", what, f, least, most)
		return 0, false
	}
	return f, true
}

// texts reads a list of texts, each with its node.
func (r *documentReader) texts(n *yaml.Node, what string) (list []string, nodes []*yaml.Node, ok bool) {
	if n.Kind != yaml.SequenceNode {
		r.fail(placeOf(n), "policy.type", "write it as [one, two]", "%s must be a list", what)
		return nil, nil, false
	}
	ok = true
	list = []string{}
	for _, item := range n.Content {
		text, fine := r.text(item, "an entry of "+what)
		if fine && slices.Contains(list, text) {
			r.fail(placeOf(item), "policy.duplicate", "", "%s has %q twice", what, clip(text))
			fine = false
		}
		ok = ok && fine
		list, nodes = append(list, text), append(nodes, item)
	}
	return list, nodes, ok
}

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}}

// bytes reads a size: a number of bytes, or one such as 512MiB.
func (r *documentReader) bytes(n *yaml.Node, what string, least, most int64) (int64, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
		return r.integer(n, what, least, most)
	}
	text, ok := r.text(n, what)
	if !ok {
		return 0, false
	}
	for _, unit := range sizeUnits {
		digits, found := strings.CutSuffix(text, unit.suffix)
		if !found {
			continue
		}
		i, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || i < 0 {
			break
		}
		if i > math.MaxInt64/unit.bytes || i*unit.bytes < least || i*unit.bytes > most {
			r.wrong(n, "", "%s is %s, which is not within %s and %s", what, text, sizeText(least), sizeText(most))
			return 0, false
		}
		return i * unit.bytes, true
	}
	r.wrong(n, "write it as 512MiB or 2GiB", "%s is %q, which is no size", what, clip(text))
	return 0, false
}

// sizeText is a size in the largest unit that it is a multiple of.
func sizeText(bytes int64) string {
	for _, unit := range []string{"GiB", "MiB", "KiB"} {
		i := slices.IndexFunc(sizeUnits, func(u struct {
			suffix string
			bytes  int64
		},
		) bool {
			return u.suffix == unit
		})
		if u := sizeUnits[i]; bytes >= u.bytes && bytes%u.bytes == 0 {
			return strconv.FormatInt(bytes/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(bytes, 10) + "B"
}

const day = 24 * time.Hour

// duration reads one such as 90s, 10m, 12h or 7d.
func (r *documentReader) duration(n *yaml.Node, what string, least, most time.Duration) (time.Duration, bool) {
	text, ok := r.text(n, what)
	if !ok {
		return 0, false
	}
	d, err := parseDuration(text)
	if err != nil {
		r.wrong(n, "write it as 90s, 10m, 12h or 7d", "%s is %q, which is no duration", what, clip(text))
		return 0, false
	}
	if d < least || d > most {
		r.wrong(n, "", "%s is %s, which is not within %s and %s", what, text, durationText(least), durationText(most))
		return 0, false
	}
	return d, true
}

func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * day, err
	}
	return time.ParseDuration(text)
}

func durationText(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// choice reads one of some words.
func (r *documentReader) choice(n *yaml.Node, what string, words ...string) (string, bool) {
	text, ok := r.text(n, what)
	if !ok {
		return "", false
	}
	if !slices.Contains(words, text) {
		hint := ""
		if r.suggest != nil {
			hint = r.suggest(text, words)
		}
		r.wrong(n, hint, "%s is %q; it is one of %s", what, clip(text), strings.Join(words, ", "))
		return "", false
	}
	return text, true
}

// nearest is a hint with the known word nearest to one that is not known.
func (r *documentReader) nearest(word string, known []string) string {
	if r.suggest != nil {
		if hint := r.suggest(word, known); hint != "" {
			return hint
		}
	}
	if len(known) > 0 && len(known) <= 12 {
		return "it is one of " + strings.Join(known, ", ")
	}
	return ""
}
