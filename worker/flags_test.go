package worker

import (
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
)

// TestFlags_Words: pflag takes what stands between backquotes for the name of a flag's
// value, and puts it in the place of its type.
func TestFlags_Words(t *testing.T) {
	t.Parallel()
	visitFlags((&app{}).rootCommand(), func(cmd *cobra.Command, f *pflag.Flag) {
		assert.NotContains(t, f.Usage, "`", "%s --%s", cmd.CommandPath(), f.Name)
	})
}
