package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// corners are how many corner cases the page on conformance lists.
const corners = 33

var corner = regexp.MustCompile(`(?m)^\| (\d+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$`)

// TestConformance_CornersAreShown: each corner has cases or tests, and they exist.
func TestConformance_CornersAreShown(t *testing.T) {
	t.Parallel()
	rows := corner.FindAllStringSubmatch(read(t, "docs/author/conformance.md"), -1)
	require.Len(t, rows, corners)
	tests := testNames(t)
	for i, row := range rows {
		assert.Equal(t, strconv.Itoa(i+1), row[1])
		cases := 0
		for _, shown := range span.FindAllStringSubmatch(row[2], -1) {
			if strings.HasPrefix(shown[1], "Test") {
				assert.True(t, slices.Contains(tests, shown[1]), "corner %s: no test %s", row[1], shown[1])
				continue
			}
			cases++
			_, err := os.Stat(filepath.Join(root, "testdata/cases", shown[1]+".txtar"))
			require.NoError(t, err, "corner %s", row[1])
		}
		assert.Positive(t, cases, "corner %s has a case", row[1])
	}
}

// testNames are those of the worker's tests.
func testNames(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "worker/*_test.go"))
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllStringSubmatch(string(text), -1) {
			names = append(names, match[1])
		}
	}
	return names
}
