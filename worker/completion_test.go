package worker

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// completing asks bash what it completes, as the tab key does.
const completing = `
. /usr/share/bash-completion/bash_completion
. <(lazaret completion bash)
compopt() { :; }  # is for the readline that is not here
try() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMPREPLY=()
	__start_lazaret
	echo "$* -> ${COMPREPLY[*]}"
}
try lazaret sche
try lazaret schedule re
try lazaret run --outp
try lazaret run --level st
try lazaret up --level m
try lazaret libvirt call domain.sta
try lazaret events rejected --check r
try lazaret doctor --allow-degraded l
try lazaret list --status c
try lazaret up --log-level w
try lazaret graph flow.yaml --format ""
`

// TestCompletion_Bash completes subcommands, flags and their values in a real bash.
func TestCompletion_Bash(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("bash-completion is not installed: scripts/install test")
		}
		t.Skip("bash-completion is not installed: scripts/install test")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", completing)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, strings.TrimLeft(`
lazaret sche -> schedule schema
lazaret schedule re -> resume
lazaret run --outp -> --output
lazaret run --level st -> strict standard
lazaret up --level m -> maximum minimal
lazaret libvirt call domain.sta -> domain.start domain.state domain.stats
lazaret events rejected --check r -> rate rule
lazaret doctor --allow-degraded l -> landlock
lazaret list --status c -> completed canceled
lazaret up --log-level w -> warn
lazaret graph flow.yaml --format  -> mermaid svg
`, "\n"), string(out))
}
