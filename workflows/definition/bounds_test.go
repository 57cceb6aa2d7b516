package definition

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// repeat writes format n times with its index.
func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestCheck_LargeDocumentsEnd gives documents just below the bounds that would
// take hours if some step were quadratic: the test's own time limit tells.
func TestCheck_LargeDocumentsEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("several seconds")
	}
	long := strings.Repeat("x", 700_000)
	for name, text := range map[string]string{
		"unknown properties":  head + "do:\n  - a:\n      set: {x: 1}\n" + repeat(40_000, "      k%d: 1\n"),
		"unknown targets":     head + "do:\n" + repeat(18_000, "  - task%d: {wait: PT1S, then: tsak%[1]d}\n"),
		"unknown kinds":       head + "do:\n" + repeat(24_000, "  - task%d: {wiat: PT1S}\n"),
		"invalid parts":       head + "do: []\nuse:\n  timeouts:\n" + repeat(30_000, "    t%d: {after: 5}\n"),
		"good parts":          head + "do: []\nuse:\n  timeouts:\n" + repeat(30_000, "    t%d: {after: PT1S}\n"),
		"unknown references":  head + "use:\n  timeouts:\n" + repeat(9_000, "    t%d: {after: PT1S}\n") + "do:\n" + repeat(9_000, "  - task%d: {wait: PT1S, timeout: q%[1]d}\n"),
		"secrets":             head + "use:\n  secrets:\n" + repeat(20_000, "    - s%d\n") + "do:\n" + repeat(10_000, "  - a%d: {set: '${ $secrets.q }'}\n"),
		"two kinds":           head + "do:\n" + repeat(16_000, "  - t%d: {wait: PT1S, set: {x: 1}}\n"),
		"one item":            head + "do:\n  -" + repeat(30_000, " t%d:\n      wait: PT1S\n   ") + "\n",
		"aliases of text":     head + "x: &x " + long + "\ny: [" + strings.Repeat("*x,", 50_000) + "]\ndo: []\n",
		"merges":              head + "x: &x {" + repeat(20_000, "k%d: 1,") + "}\ny: [" + strings.Repeat("{<<: *x},", 20_000) + "]\ndo: []\n",
		"reused expressions":  head + "use: {retries: {r: {when: '." + long[:300_000] + "'}}}\ndo:\n" + repeat(8_000, "  - a%d: {try: [], catch: {as: v%[1]d, retry: r}}\n"),
		"bad expressions":     head + "do:\n" + repeat(15_000, "  - a%d: {set: {x: '${ .a + * 1 }'}}\n"),
		"one bad long string": head + "do:\n  - a:\n      set:\n        x: |\n          ${ 1 +\n" + strings.Repeat("          1 +\n", 60_000) + "          * }\n",
		"deep":                head + "do: " + strings.Repeat("[{a: {do: ", 60) + "[]" + strings.Repeat("}}]", 60) + "\n",
		"many anchors":        head + "do: []\nx: {" + repeat(30_000, "a%d: &a%[1]d 1, ") + "}\n",
		"many schemas":        head + "do:\n" + repeat(6_000, "  - a%d: {input: {schema: {document: {type: object, properties: {x: {type: string}}}}}, set: {x: 1}}\n"),
		"large schema":        head + "input: {schema: {document: {properties: {" + repeat(4_900, "p%d: {type: string}, ") + "}}}}\ndo: []\n",
		"too large schema":    head + "input: {schema: {document: {properties: {" + repeat(30_000, "p%d: {type: string}, ") + "}}}}\ndo: []\n",
		"lost references":     head + "input: {schema: {document: {properties: {" + repeat(4_900, "p%d: {$ref: '#/$defs/q%[1]d'}, ") + "}}}}\ndo: []\n",
		"json keys":           `{"document": {"dsl": "1.0.3", "namespace": "test", "name": "sample", "version": "1.0.0"}, "do": [], "x": {` + repeat(40_000, `"k%d": 1,`) + `"z": 1}}`,
	} {
		start := time.Now()
		d, findings := Check("flow.yaml", []byte(text))
		t.Logf("%-20s %7d bytes %6d findings %v", name, len(text), len(findings), time.Since(start).Round(time.Millisecond))
		if (d == nil) != findings.HasErrors() {
			t.Errorf("%s: definition %v with findings %.200s", name, d != nil, findings)
		}
	}
}
