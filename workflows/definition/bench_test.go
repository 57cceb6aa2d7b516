package definition

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// thirtyTasks is a document as people write them: 30 tasks of several kinds.
func thirtyTasks() []byte {
	var b strings.Builder
	b.WriteString(head + "do:\n")
	for i := range 5 {
		fmt.Fprintf(&b, `  - set%[1]d:
      if: .ready
      set: {name: '${ .name }', count: '${ .count + 1 }', list: [1, 2, '${ $context.x }']}
  - loop%[1]d:
      for: {each: item, in: .items}
      while: $index < 10
      do:
        - inner%[1]d:
            run:
              script:
                language: python
                arguments: {item: '${ $item }'}
                code: |
                  print(item)
  - choose%[1]d:
      switch:
        - big: {when: .count > 5, then: wait%[1]d}
        - small: {then: continue}
  - try%[1]d:
      try:
        - fail%[1]d:
            raise: {error: {type: https://example.com/oops, status: 500, detail: '${ .why }'}}
      catch:
        errors: {with: {status: 500}}
        retry: {delay: {seconds: 1}, limit: {attempt: {count: 3}}}
  - wait%[1]d:
      wait: PT5S
      output: {as: '{done: true}'}
`, i)
	}
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	text := thirtyTasks()
	if _, err := Parse("flow.yaml", text); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse("flow.yaml", text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse_Findings is the slower way: a document with a finding.
func BenchmarkParse_Findings(b *testing.B) {
	text := bytes.Replace(thirtyTasks(), []byte("while:"), []byte("whlie:"), 1)
	for b.Loop() {
		if _, err := Parse("flow.yaml", text); err == nil {
			b.Fatal("no finding")
		}
	}
}

// BenchmarkSchemaCompile is what the first document of a process pays once.
func BenchmarkSchemaCompile(b *testing.B) {
	for b.Loop() {
		compileDocumentSchema(documentURL, "")
	}
}
