// What the documentation says is held against the repository: links lead
// somewhere, workflows are the files that they name, commands and flags exist,
// names of metrics, rules and messages are those of the code.
//
// It stands here and not beside main.go: a test there links the whole program.
package docs_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/workflows/definition"
)

const root = ".."

var (
	fence   = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	link    = regexp.MustCompile(`\[[^]\n]*]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	span    = regexp.MustCompile("`([^`\n]+)`")
)

func TestLinks_LeadSomewhere(t *testing.T) {
	t.Parallel()
	for file, text := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			place := file
			if target != "" {
				place = path.Join(path.Dir(file), target)
			}
			info, err := os.Stat(filepath.Join(root, place))
			if err != nil {
				t.Errorf("%s links to %s: %v", file, match[1], err)
				continue
			}
			if anchor == "" || info.IsDir() {
				continue
			}
			assert.Contains(t, anchors(read(t, place)), anchor, "%s links to %s", file, match[1])
		}
	}
}

// anchors are the headings of a page as its host makes fragments of them.
func anchors(text string) []string {
	var all []string
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		lower := strings.ToLower(match[1])
		kept := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(lower, "")
		all = append(all, strings.ReplaceAll(kept, " ", "-"))
	}
	return all
}

func TestIndex_NamesEveryPage(t *testing.T) {
	t.Parallel()
	index := read(t, "docs/index.md")
	for file := range pages(t) {
		if page, ok := strings.CutPrefix(file, "docs/"); ok && page != "index.md" && page != "performance.md" {
			has(t, index, "("+page+")", "docs/index.md")
		}
	}
}

// A block that names a file is a part of it; a block that is a whole document
// is a valid one.
func TestWorkflows_AreReal(t *testing.T) {
	t.Parallel()
	for file, text := range pages(t) {
		for _, match := range fence.FindAllStringSubmatch(text, -1) {
			language, source, _ := strings.Cut(match[1], " ")
			switch {
			case language != "yaml":
			case source != "":
				has(t, read(t, source), match[2], file+" shows "+source)
			case strings.HasPrefix(match[2], "document:"):
				_, findings := definition.Check(file, []byte(match[2]))
				assert.Empty(t, unexpected(findings), "%s: a workflow", file)
			}
		}
	}
}

func TestExamples_AreValidAndShown(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, text := range pages(t) {
		all.WriteString(text)
	}
	examples, err := filepath.Glob(filepath.Join(root, "testdata/definitions/docs/*.yaml"))
	require.NoError(t, err)
	family, err := filepath.Glob(filepath.Join(root, "testdata/definitions/docs/*/*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, examples)
	for _, example := range append(examples, family...) {
		text, err := os.ReadFile(example)
		require.NoError(t, err)
		_, findings := definition.Check(example, text)
		assert.Empty(t, unexpected(findings))
		has(t, all.String(), filepath.Base(example), "the pages")
	}
}

// What a page says that validate prints is what it prints.
func TestFindings_AreShown(t *testing.T) {
	t.Parallel()
	_, findings := definition.Check("bad.yaml", []byte(read(t, "testdata/invalid/bad.yaml")))
	var printed strings.Builder
	require.NoError(t, findings.WritePlain(&printed))
	has(t, read(t, "docs/author/validation.md"), "$ lazaret validate bad.yaml\n"+printed.String()+"```", "docs/author/validation.md")
}

// unexpected leaves out that a schedule waits for its command.
func unexpected(findings definition.Findings) definition.Findings {
	return slices.DeleteFunc(findings, func(f definition.Finding) bool { return f.Rule == "schedule.manual" })
}

func TestRules_AreListed(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/author/validation.md")
	for _, rule := range definition.Rules() {
		has(t, page, "| `"+rule.Name+"` | "+rule.Text+" |", "docs/author/validation.md")
	}
}

// Names that scripts and dashboards depend on, wherever a page has them.
func TestNames_AreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	code := source(t)
	name := regexp.MustCompile(`\blazaret_[a-z_]+|\bLazaret[A-Z]\w+|\bLAZARET_\w+`)
	for file, text := range pages(t) {
		for _, found := range name.FindAllString(text, -1) {
			has(t, code, found, file+": the code")
		}
	}
}

// A table of messages quotes them as they are; "…" stands for what varies.
func TestMessages_AreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	code := source(t)
	message := regexp.MustCompile("(?m)^\\| `([^`]{12,})`[^|]* \\|")
	for _, page := range []string{"docs/operator/troubleshooting.md"} {
		found := message.FindAllStringSubmatch(read(t, page), -1)
		require.NotEmpty(t, found)
		for _, match := range found {
			for part := range strings.SplitSeq(match[1], "…") {
				has(t, code, strings.TrimSpace(part), page+": the code")
			}
		}
	}
}

// has is assert.Contains for texts that are too long to be shown.
func has(t *testing.T, text, part, where string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s: without %s", where, part)
	}
}

// pages are README, the other pages of the root, and docs, by file.
func pages(t *testing.T) map[string]string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard", "--", ":(glob)*.md", "docs/*.md")
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err, "these tests need a git checkout")
	all := map[string]string{}
	for file := range strings.FieldsSeq(string(out)) {
		all[file] = read(t, file)
	}
	require.Contains(t, all, "README.md")
	require.Contains(t, all, "docs/author/scripts.md")
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	return string(text)
}

// source is the text of all our Go files, without the escapes of quotes.
func source(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "--", "*.go", ":(exclude)*_test.go")
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err)
	var b strings.Builder
	for file := range strings.FieldsSeq(string(out)) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if os.IsNotExist(err) {
			continue // being moved
		}
		require.NoError(t, err)
		b.Write(text)
	}
	return strings.ReplaceAll(b.String(), `\"`, `"`)
}

// TestSecurity_SaysHowToReport: privately, by mail, encrypted if one likes, with an
// answer within a day (A57, C40).
func TestSecurity_SaysHowToReport(t *testing.T) {
	t.Parallel()
	text, _, found := strings.Cut(read(t, "SECURITY.md"), "\n## What is a vulnerability here")
	require.True(t, found)
	for _, want := range []string{`[a-z]+@[a-z.]+`, `Do not open a public issue`, `PGP key`, `fingerprint`, `within 24 hours`} {
		assert.Regexp(t, want, text)
	}
}
