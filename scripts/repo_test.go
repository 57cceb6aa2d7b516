// The rules of the repository that no compiler and no linter checks.
package scripts_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const root = ".."

// A package of the standard's documentation begins with its name, so that "go doc" reads well.
func TestPackages_HaveADoc(t *testing.T) {
	t.Parallel()
	docs := map[string][]string{} // folder → the docs of its files
	for _, file := range files(t, "*.go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.PackageClauseOnly|parser.ParseComments)
		require.NoError(t, err)
		folder := filepath.Dir(file)
		docs[folder] = append(docs[folder], packageDoc(parsed))
	}
	for folder, texts := range docs {
		written := slices.DeleteFunc(texts, func(text string) bool { return text == "" })
		assert.Len(t, written, 1, "%s: one file, and one only, documents the package", folder)
		for _, text := range written {
			assert.Regexp(t, `^(Package|Command) `, text, folder)
		}
	}
}

func packageDoc(file *ast.File) string {
	if file.Doc == nil {
		return ""
	}
	return strings.TrimSpace(file.Doc.Text())
}

// Past this a Go file is more than one idea. Raising the number is not the answer.
const maxLines = 500

func TestGoFiles_AreOneIdea(t *testing.T) {
	t.Parallel()
	for _, file := range files(t, "*.go") {
		lines := bytes.Count(read(t, file), []byte("\n"))
		assert.LessOrEqual(t, lines, maxLines, "%s: split it by idea", file)
	}
}

func TestScripts_HaveHelp(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(filepath.Join(root, "scripts"))
	require.NoError(t, err)
	scripts := 0
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		if info.IsDir() || info.Mode()&0o111 == 0 {
			continue
		}
		scripts++
		t.Run(entry.Name(), func(t *testing.T) {
			t.Parallel()
			path, err := filepath.Abs(filepath.Join(root, "scripts", entry.Name()))
			require.NoError(t, err)
			help := exec.CommandContext(t.Context(), path, "--help")
			help.Dir = "/" // scripts run from anywhere
			out, err := help.Output()
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(string(out), "Usage: scripts/"+entry.Name()), "%s", out)
		})
	}
	require.Positive(t, scripts)
}

func TestScripts_RefuseUnknownFlags(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"build", "check", "demo", "fmt", "install", "lint", "settlement-data", "test", "tools", "vulncheck"} {
		err := exec.CommandContext(t.Context(), filepath.Join(root, "scripts", name), "--no-such-flag").Run()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, name)
		assert.Equal(t, 2, exit.ExitCode(), name)
	}
}

func TestTaskfile_TargetsAreDescribed(t *testing.T) {
	t.Parallel()
	var taskfile struct {
		Tasks map[string]struct{ Desc string }
	}
	require.NoError(t, yaml.Unmarshal(read(t, "Taskfile.yml"), &taskfile))
	require.NotEmpty(t, taskfile.Tasks)
	for name, target := range taskfile.Tasks {
		assert.NotEmpty(t, target.Desc, "target %s", name)
	}
}

func TestTools_ArePinned(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(string(read(t, "tools/versions"))) {
		if !strings.HasPrefix(line, "#") {
			assert.Regexp(t, `^\S+ \S+ v\d+\.\d+\.\d+\n$`, line)
		}
	}
}

// What continuous integration runs and what the README tells people to run must not drift apart.
func TestREADME_NamesWhatCIRuns(t *testing.T) {
	t.Parallel()
	ci := string(read(t, ".ci/run"))
	assert.Contains(t, ci, "\nexec scripts/test\n")
	readme := string(read(t, "README.md"))
	assert.Contains(t, readme, "scripts/test\n")
	assert.Contains(t, readme, "scripts/demo\n")
}

func TestLicence(t *testing.T) {
	t.Parallel()
	assert.Regexp(t, `^\s+Apache License\s+Version 2\.0, January 2004`, string(read(t, "LICENSE")))
}

// The linker ignores a -X that names no variable, so a renamed one would go unseen.
func TestBuild_StampsVariablesThatExist(t *testing.T) {
	t.Parallel()
	stamps := regexp.MustCompile(`-X main\.(\w+)=`).FindAllStringSubmatch(string(read(t, "scripts/build")), -1)
	require.NotEmpty(t, stamps)
	source := string(read(t, "main.go"))
	for _, stamp := range stamps {
		assert.Regexp(t, `(?m)^(var\s+|\t)`+stamp[1]+`\b`, source, "scripts/build stamps main.%s", stamp[1])
	}
}

func TestSettlementData_IsWhatItsScriptWrites(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), filepath.Join(root, "scripts/settlement-data")).Output()
	require.NoError(t, err)
	assert.True(t, bytes.Equal(out, read(t, "testdata/definitions/settlement-input.json")), "run scripts/settlement-data again")
}

// A forbidden pattern, and what to write instead.
type forbidden struct {
	pattern *regexp.Regexp
	why     string
}

// The classes ([T], [.]) keep a pattern from matching its own line here.
var forbiddenText = []forbidden{
	{regexp.MustCompile(`\b([T]ODO|[F]IXME|[X]XX)\b`), "finish it, or write down the limit where users read it"},
	{regexp.MustCompile(`(^|[\s"'=(])/[w]ork/`), "a path of one machine"},
	{regexp.MustCompile(`proxy[.]golang[.]org|registry[.]npmjs[.]org|deb[.]debian[.]org`), "each machine is configured with the mirror that it uses"},
	{regexp.MustCompile(`(?m)^(<<<<<<<|>>>>>>>) `), "an unresolved merge"},
}

// Names that say nothing about what is in a folder.
var emptyNames = regexp.MustCompile(`(^|/)(utils?|common|helpers?|misc|shared|base)(/|$)`)

func TestText_HasNothingForbidden(t *testing.T) {
	t.Parallel()
	for _, file := range files(t) {
		for _, line := range offences(file, read(t, file)) {
			t.Error(line)
		}
	}
}

// The rules above say nothing while the tree obeys them; this shows that they would speak.
func TestOffences_AreFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"a plain line":                          0,
		"// TO" + "DO later":                    1,
		"cd /wo" + "rk/main":                    1,
		"GOPROXY=https://proxy.go" + "lang.org": 1,
		"one\n<<<<<<" + "< HEAD\n":              1,
		"mastodon, the framework/":              0,
	} {
		assert.Len(t, offences("sandbox/a.go", []byte(text)), want, text)
	}
	assert.Len(t, offences("workflows/utils/a.go", nil), 1)
	assert.Empty(t, offences("sandbox/commonly/a.go", nil))
	assert.Empty(t, offences("a.bin", []byte("\x00TO"+"DO")), "binary")
}

func offences(file string, content []byte) []string {
	var found []string
	if emptyNames.MatchString(filepath.Dir(file)) {
		found = append(found, file+": name the folder after what is in it")
	}
	if bytes.IndexByte(content, 0) >= 0 {
		return found
	}
	for _, rule := range forbiddenText {
		for _, at := range rule.pattern.FindAllIndex(content, -1) {
			line := 1 + bytes.Count(content[:at[0]], []byte("\n"))
			found = append(found, fmt.Sprintf("%s:%d: %q: %s", file, line, content[at[0]:at[1]], rule.why))
		}
	}
	return found
}

// files lists what is in the repository or about to be, without what git ignores.
// Recorded histories keep the words that were recorded.
func files(t *testing.T, patterns ...string) []string {
	t.Helper()
	args := append([]string{"ls-files", "--cached", "--others", "--exclude-standard", "--"}, patterns...)
	list := exec.CommandContext(t.Context(), "git", args...)
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err, "these tests need a git checkout")
	names := strings.Split(strings.TrimSpace(string(out)), "\n")
	return slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Lstat(filepath.Join(root, name))
		return err != nil || info.Mode().Type() == fs.ModeSymlink || // deleted, or seen under its own name
			strings.HasPrefix(name, "testdata/histories/")
	})
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	return content
}
