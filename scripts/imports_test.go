package scripts_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "lazaret.dev/lazaret"

// An importRule says what a part of the repository must not reach, however long
// the chain of imports. Patterns are a path or, ending in "/...", a whole subtree.
type importRule struct {
	from   []string // packages the rule is about
	except []string // packages of from that it is not about
	reach  []string // what they must not import
	allow  []string // what they may import all the same
	why    string
}

// The linter checks direct imports, which is quicker to read in an editor; these
// are the ones where a detour would do the same damage.
var importRules = []importRule{
	{
		from: []string{
			module + "/sandbox/...", module + "/policies/...", module + "/workflows/definition/...",
			module + "/workflows/expression/...", module + "/activities/contract/...", module + "/activities/virt/...",
		},
		reach: []string{"go.temporal.io/..."},
		why:   "Temporal is known to worker, workflows and activities alone",
	},
	{
		from:   []string{module + "/..."},
		except: []string{module, module + "/worker/..."},
		reach:  []string{"go.temporal.io/server/...", "github.com/temporalio/ui-server/v2/..."},
		why:    "only the worker composes the embedded server; linking it into a test takes a quarter of a minute",
	},
	{
		from:  []string{module + "/workflows/..."},
		reach: []string{module + "/sandbox/...", module + "/policies/...", module + "/activities/...", module + "/worker/..."},
		allow: []string{module + "/activities/contract"},
		why:   "workflow code is deterministic and acts on recorded verdicts",
	},
	{
		from:  []string{module + "/sandbox/..."},
		reach: []string{module + "/..."},
		allow: []string{module + "/sandbox/..."},
		why:   "the sandbox is mechanism; policies import it, not the reverse",
	},
	{
		from:  []string{module + "/activities/contract/..."},
		reach: []string{module + "/..."},
		allow: []string{module + "/activities/contract/..."},
		why:   "wire types stand in histories; they copy, never import",
	},
	{
		from:  []string{module + "/sandbox/lazaret-init/..."},
		reach: []string{"net", "net/...", "os/user", "os/exec", "encoding/json"},
		why:   "every sandbox pays for the init's size and start",
	},
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, violation := range violations(loadImports(t), importRules) {
		t.Error(violation)
	}
}

func TestImports_SlimBinaryHasNoServer(t *testing.T) {
	t.Parallel()
	slim := importRule{
		from:  []string{module},
		reach: []string{"go.temporal.io/server/...", "github.com/temporalio/ui-server/v2/..."},
		why:   "-tags nodevserver leaves the embedded server out",
	}
	imports := loadImports(t, "-tags", "nodevserver")
	require.Contains(t, imports, module)
	for _, violation := range violations(imports, []importRule{slim}) {
		t.Error(violation)
	}
}

// The rules above say nothing while the tree obeys them; this shows that they would speak.
func TestViolations_NameTheChain(t *testing.T) {
	t.Parallel()
	imports := map[string][]string{
		module + "/sandbox":             {"os", module + "/sandbox/seccomp"},
		module + "/sandbox/seccomp":     {"example.com/helper"},
		"example.com/helper":            {"go.temporal.io/sdk/log"},
		module + "/workflows":           {module + "/activities/contract", "go.temporal.io/sdk/workflow"},
		module + "/activities/contract": {"time"},
		module + "/activities":          {module + "/workflows"},
	}
	require.Equal(t, []string{
		"lazaret.dev/lazaret/sandbox → lazaret.dev/lazaret/sandbox/seccomp → example.com/helper → go.temporal.io/sdk/log: " + importRules[0].why,
		"lazaret.dev/lazaret/sandbox/seccomp → example.com/helper → go.temporal.io/sdk/log: " + importRules[0].why,
	}, violations(imports, importRules))

	imports[module+"/activities/contract"] = []string{module + "/policies"}
	imports[module+"/policies"] = nil
	require.Contains(t, violations(imports, importRules),
		"lazaret.dev/lazaret/workflows → lazaret.dev/lazaret/activities/contract → lazaret.dev/lazaret/policies: "+importRules[2].why)
}

// violations lists one shortest chain for each forbidden package that a rule's package reaches.
func violations(imports map[string][]string, rules []importRule) []string {
	var found []string
	for _, rule := range rules {
		for from := range imports {
			if !matches(from, rule.from) || matches(from, rule.except) {
				continue
			}
			for _, chain := range chains(imports, from, rule) {
				found = append(found, strings.Join(chain, " → ")+": "+rule.why)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// chains walks breadth first and does not look behind a forbidden package: its own imports are its own fault.
func chains(imports map[string][]string, from string, rule importRule) [][]string {
	var found [][]string
	seen := map[string]bool{from: true}
	for queue := [][]string{{from}}; len(queue) > 0; queue = queue[1:] {
		chain := queue[0]
		for _, next := range imports[chain[len(chain)-1]] {
			if seen[next] {
				continue
			}
			seen[next] = true
			longer := append(slices.Clone(chain), next)
			if matches(next, rule.reach) && !matches(next, rule.allow) {
				found = append(found, longer)
				continue
			}
			queue = append(queue, longer)
		}
	}
	return found
}

func matches(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		tree, isTree := strings.CutSuffix(pattern, "/...")
		return path == tree || isTree && strings.HasPrefix(path, tree+"/")
	})
}

// loadImports reads who imports whom, from every package of the repository down to the standard library.
func loadImports(t *testing.T, flags ...string) map[string][]string {
	t.Helper()
	args := append([]string{"list", "-e", "-deps", "-json=ImportPath,Imports"}, flags...)
	list := exec.CommandContext(t.Context(), "go", append(args, "./...")...)
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err)

	imports := map[string][]string{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string   `json:"ImportPath"`
			Imports    []string `json:"Imports"`
		}
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		imports[p.ImportPath] = p.Imports
	}
	require.Contains(t, imports, module+"/workflows")
	return imports
}
