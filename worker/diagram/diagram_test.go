package diagram_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/worker/diagram"
	"lazaret.dev/lazaret/workflows/definition"
)

var update = flag.Bool("update", false, "write the expected pictures anew")

func parse(t *testing.T, file string) *definition.Definition {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	def, err := definition.Parse(file, text)
	require.NoError(t, err)
	return def
}

// draw is both pictures of a definition.
func draw(t *testing.T, def *definition.Definition) (mermaid, svg string) {
	t.Helper()
	var m, s bytes.Buffer
	d := diagram.New(def)
	require.NoError(t, d.WriteMermaid(&m))
	require.NoError(t, d.WriteSVG(&s))
	return m.String(), s.String()
}

func TestWrite_EveryKind(t *testing.T) {
	t.Parallel()
	mermaid, svg := draw(t, parse(t, "testdata/every.yaml"))
	for file, got := range map[string]string{"testdata/every.mmd": mermaid, "testdata/every.svg": svg} {
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(want), got, file)
	}
}

// elements reads all of an image, which is an error where it is no XML.
func elements(t *testing.T, svg string) map[string]int {
	t.Helper()
	seen := map[string]int{}
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return seen
		}
		require.NoError(t, err)
		if element, ok := token.(xml.StartElement); ok {
			seen[element.Name.Local]++
		}
	}
}

// TestWrite_OurDefinitions draws all definitions that the repository has.
func TestWrite_OurDefinitions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/definitions/*.yaml")
	require.NoError(t, err)
	more, err := filepath.Glob("../../testdata/definitions/docs/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, more)
	for _, file := range append(files, more...) {
		def := parse(t, file)
		mermaid, svg := draw(t, def)
		tasks := 0
		def.Walk(func(task *definition.Task) {
			if strings.HasPrefix(task.Reference, "/do/") { // those of functions are drawn where they are called, as one
				tasks++
			}
		})
		assert.GreaterOrEqual(t, elements(t, svg)["rect"], tasks+1, file)
		assert.Contains(t, mermaid, "flowchart TD", file)
	}
}

// TestWrite_HostileNames: a name is text, whatever it spells.
func TestWrite_HostileNames(t *testing.T) {
	t.Parallel()
	names := []string{
		`</text><script>alert(1)</script>`, `"] --> x["`, "end", "click t1 href \"javascript:alert(1)\"", "`md`", "%%{init: {}}%%",
		"a\nb", "\u202Eevil", "&amp;", "#quot;", "]]>", strings.Repeat("long ", 100), "subgraph", "{{x}}", "日本",
	}
	var document strings.Builder
	document.WriteString("document: {dsl: 1.0.3, namespace: test, name: hostile, version: 1.0.0}\ndo:\n")
	for _, name := range names {
		data, err := json.Marshal(name)
		require.NoError(t, err)
		text := string(data)
		document.WriteString("  - " + text + ": {if: '.x == \"<b>\"', for: {in: '.y'}, do: [{" + text + ": {wait: PT1S}}]}\n")
	}
	def, err := definition.Parse("hostile.yaml", []byte(document.String()))
	require.NoError(t, err)
	mermaid, svg := draw(t, def)
	seen := elements(t, svg)
	assert.Zero(t, seen["script"])
	assert.Zero(t, seen["a"])
	line := regexp.MustCompile(`^ *(---|title: "[^"]*"|flowchart TD|end|subgraph t\d+ \["[^"]*"\]|t\d+[\[\{\(>]+"[^"]*"[\]\}\)]+|(t\d+|start) -->(\|"[^"]*"\|)? (t\d+|finish)|start\(\[start\]\)|finish\(\[end\]\))$`)
	for text := range strings.SplitSeq(strings.TrimSpace(mermaid), "\n") {
		assert.Regexp(t, line, text)
		assert.NotContains(t, strings.ReplaceAll(text, "<br/>", ""), "<", text)
	}
}
