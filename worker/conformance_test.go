package worker

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// conformanceScenarios is how many the specification's features have.
const conformanceScenarios = 21

// specDir holds the specification's examples and conformance features, which are
// no part of this repository: LAZARET_SPEC_DIR, or the folder spec of a neighbour
// of the repository.
func specDir(t *testing.T) string {
	t.Helper()
	dirs, _ := filepath.Glob("../../*/spec")
	if dir := os.Getenv("LAZARET_SPEC_DIR"); dir != "" {
		dirs = []string{dir}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "ctk", "features")); err == nil {
			return dir
		}
	}
	t.Skip("the specification's features and examples are not here; set LAZARET_SPEC_DIR to run them")
	return ""
}

// TestConformance runs the specification's conformance features, all scenarios
// of them, on the shared Temporal. Each execution carries its definition, so that
// scenarios which repeat a name and version do not meet.
func TestConformance(t *testing.T) {
	features := filepath.Join(specDir(t), "ctk", "features")
	passed := runFeatures(t, &scenario{}, godog.Options{Paths: []string{features}, TestingT: t})
	assert.Equal(t, conformanceScenarios, passed, "scenarios that passed")
}

// TestConformance_ByProcess runs them all again as an author does: lazaret run, a
// process for each.
func TestConformance_ByProcess(t *testing.T) {
	t.Parallel()
	features := filepath.Join(specDir(t), "ctk", "features")
	passed := runFeatures(t, &scenario{dir: t.TempDir()}, godog.Options{Paths: []string{features}, TestingT: t})
	assert.Equal(t, conformanceScenarios, passed, "scenarios that passed")
}

// runFeatures runs each scenario as like says, and returns how many passed.
func runFeatures(t *testing.T, like *scenario, options godog.Options) (passed int) {
	t.Helper()
	s := temporalSession(t)
	options.Format, options.Output, options.Strict = "pretty", t.Output(), true
	options.NoColors, options.DefaultContext = true, t.Context()
	suite := godog.TestSuite{Options: &options, ScenarioInitializer: func(steps *godog.ScenarioContext) {
		(&scenario{session: s, dir: like.dir}).register(steps)
		steps.After(func(ctx context.Context, _ *godog.Scenario, err error) (context.Context, error) {
			if err == nil {
				passed++
			}
			return ctx, nil
		})
	}}
	suite.Run()
	return passed
}

// scenario is one execution and what is said of it.
type scenario struct {
	session  *session
	dir      string // not empty: it is run by lazaret run, from here
	document string
	input    json.RawMessage
	output   json.RawMessage
	err      error
	order    map[string]int // of the tasks' starts, by name
}

func (s *scenario) register(steps *godog.ScenarioContext) {
	steps.Given(`^a workflow with definition:$`, func(text *godog.DocString) { s.document = text.Content })
	steps.Given(`^given the workflow input is:$`, func(text *godog.DocString) (err error) {
		s.input, err = yamlToJSON(text.Content)
		return err
	})
	if s.dir == "" {
		steps.When(`^the workflow is executed$`, s.execute)
	} else {
		steps.When(`^the workflow is executed$`, s.executeByProcess)
	}
	steps.Then(`^the workflow should complete$`, func() error { return s.err })
	steps.Then(`^the workflow should complete with output:$`, func(text *godog.DocString) error {
		return s.compare("", text)
	})
	steps.Then(`^the workflow should fault$`, func() error {
		_, err := s.fault()
		return err
	})
	steps.Then(`^the workflow should fault with error:$`, s.compareFault)
	steps.Then(`^the workflow output should have properties (.+)$`, s.hasProperties)
	steps.Then(`^the workflow output should have a '([^']+)' property with value:$`, s.compare)
	steps.Then(`^the workflow output should have a '([^']+)' property containing (\d+) items$`, s.contains)
	steps.Then(`^(\S+) should run (first|last)$`, s.runsAtEnd)
	steps.Then(`^(\S+) should run after (\S+)$`, s.runsAfter)
}

func (s *scenario) execute(ctx context.Context) error {
	def, err := definition.Parse("scenario.yaml", []byte(s.document))
	if err != nil {
		return err
	}
	p := &prepared{bundle: &bundle{def: def}, start: contract.Start{
		Definition: contract.Source{File: "scenario.yaml", Document: s.document, Digest: def.Digest},
		Input:      s.input, Runtime: testBuild.Version,
	}}
	run, err := s.session.begin(ctx, p, "")
	if err != nil {
		return err
	}
	s.output, s.err = follow(ctx, s.session.Client, run, nil)
	return s.readOrder(ctx, run.GetID())
}

// executeByProcess has lazaret run execute the scenario.
func (s *scenario) executeByProcess(ctx context.Context) error {
	id := "scenario-" + rand.Text()
	command := []string{"run", "--id", id}
	if s.input != nil {
		command = append(command, "--input", string(s.input))
	}
	s.output, s.err = asProcess(ctx, s.dir, s.document, command...)
	return s.readOrder(ctx, id)
}

// readOrder reads in which order the tasks began.
func (s *scenario) readOrder(ctx context.Context, id string) error {
	state, err := s.session.state(ctx, id)
	s.order = map[string]int{}
	for _, t := range state.Tasks {
		if t.Order > 0 {
			s.order[t.Name] = t.Order
		}
	}
	return err
}

func (s *scenario) fault() (*contract.Fault, error) {
	fault, ok := s.err.(*contract.Fault) //nolint:errorlint // follow returns it as it is
	if !ok {
		return nil, fmt.Errorf("no fault, but output %s and error %w", s.output, s.err)
	}
	return fault, nil
}

// compareFault holds what the scenario says of the error against it.
func (s *scenario) compareFault(text *godog.DocString) error {
	fault, err := s.fault()
	if err != nil {
		return err
	}
	got, err := json.Marshal(fault)
	if err != nil {
		return err
	}
	var want, members map[string]any
	if err := yaml.Unmarshal([]byte(text.Content), &want); err != nil {
		return err
	}
	if err := json.Unmarshal(got, &members); err != nil {
		return err
	}
	for name, value := range want {
		if fmt.Sprint(value) != fmt.Sprint(members[name]) {
			return fmt.Errorf("the error's %s is %v, not %v", name, members[name], value)
		}
	}
	return nil
}

// property finds a dotted path in the output; all of it without a path.
func (s *scenario) property(path string) (any, error) {
	if s.err != nil {
		return nil, s.err
	}
	var value any
	if err := json.Unmarshal(s.output, &value); err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(path, ".") {
		if path == "" {
			break
		}
		object, _ := value.(map[string]any)
		member, has := object[name]
		if !has {
			return nil, fmt.Errorf("the output has no %s: %s", path, s.output)
		}
		value = member
	}
	return value, nil
}

var quotedName = regexp.MustCompile(`'([^']+)'`)

func (s *scenario) hasProperties(list string) error {
	for _, match := range quotedName.FindAllStringSubmatch(list, -1) {
		if _, err := s.property(match[1]); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) compare(path string, text *godog.DocString) error {
	got, err := s.property(path)
	if err != nil {
		return err
	}
	data, err := yamlToJSON(text.Content)
	if err != nil {
		return err
	}
	var want any
	if err := json.Unmarshal(data, &want); err != nil {
		return err
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("%s is %v, not %v", path, got, want)
	}
	return nil
}

func (s *scenario) contains(path string, count int) error {
	value, err := s.property(path)
	if items, _ := value.([]any); err == nil && len(items) != count {
		return fmt.Errorf("%s has %d items, not %d: %v", path, len(items), count, value)
	}
	return err
}

func (s *scenario) runsAtEnd(name, end string) error {
	want := 1
	if end == "last" {
		want = len(s.order)
	}
	if s.order[name] != want {
		return fmt.Errorf("%s ran as number %d of %v", name, s.order[name], s.order)
	}
	return nil
}

func (s *scenario) runsAfter(name, other string) error {
	if s.order[other] == 0 || s.order[name] <= s.order[other] {
		return fmt.Errorf("%s did not run after %s: %v", name, other, s.order)
	}
	return nil
}

func yamlToJSON(text string) (json.RawMessage, error) {
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// TestConformance_CanFail shows that every kind of expectation is held against
// the execution: changed, it fails.
func TestConformance_CanFail(t *testing.T) {
	dir := filepath.Join(specDir(t), "ctk", "features")
	for file, change := range map[string][2]string{
		"do.feature":     {"colors: [ red, green, blue ]\n", "colors: [ red, blue, green ]\n"},
		"flow.feature":   {"setRed should run first", "setGreen should run first"},
		"switch.feature": {"setRed should run last", "switchColor should run last"},
		"for.feature":    {"indexes: [ 0, 1, 2 ]", "indexes: [ 0, 1 ]"},
		"raise.feature":  {"instance: /do/0/raiseError", "instance: /do/1/raiseError"},
		"branch.feature": {"containing 1 items", "containing 2 items"},
		"emit.feature":   {"'specversion', 'time'", "'specversion', 'datum'"},
		"set.feature":    {"complete with output:", "fault with error:"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		for old, want := range map[string]bool{change[0]: true, change[1]: false} {
			changed := strings.Replace(string(text), change[0], old, 1)
			require.Contains(t, changed, old, file)
			first, _, _ := strings.Cut(strings.ReplaceAll(changed, "\r", ""), "\n  Scenario: Explicit Sequence Flow")
			first, _, _ = strings.Cut(first, "\n  Scenario: Switch task with implicit")
			passed := runFeatures(t, &scenario{}, godog.Options{FeatureContents: []godog.Feature{{Name: file, Contents: []byte(first)}}})
			assert.Equal(t, want, passed == 1, "%s with %q", file, old)
		}
	}
}
