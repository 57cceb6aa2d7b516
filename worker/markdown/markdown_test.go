package markdown_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lazaret.dev/lazaret/worker/markdown"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain text":                  "plain text",
		"a | b\n# c\\|":               `a \| b # c\\\|`,
		"<script> [x](y) **b** `c` _": "&lt;script&gt; \\[x\\](y) \\*\\*b\\*\\* \\`c\\` \\_",
		"\x1b[31m\u202e\xff":          `?\[31m??`,
	} {
		assert.Equal(t, want, markdown.Text(in))
	}
	assert.Equal(t, "a'b?", markdown.Code("a`b\x07"))
}
