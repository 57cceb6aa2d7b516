package checker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"lazaret.dev/lazaret/sandbox"
)

const (
	// maxWall is for a machine under load; the program ends itself after two
	// seconds of processor time on one script.
	maxWall = 20 * time.Second
	// maxBatch bounds the scripts of one run, and so its output.
	maxBatch = 8
)

// Runner runs one program in a fresh sandbox; *sandbox.Runner is one.
type Runner interface {
	Run(ctx context.Context, spec sandbox.Spec) (sandbox.Result, error)
}

// Checker finds out facts about scripts. Runner and Python are set before its
// first use; its methods are safe for concurrent use.
type Checker struct {
	Runner Runner
	Python string // absolute path of the interpreter of scripts that name none

	cache cache
}

// ErrUnfinished says that nothing was found out, through no fault of the
// script's: the machine was too slow, or the sandbox failed. To try again may help.
var ErrUnfinished = errors.New("the script was not checked")

// Facts returns the facts on each script, in their order. An error means that
// the machine could not check; a script that makes the checker fail has a
// finding of rule script.checker instead.
func (c *Checker) Facts(ctx context.Context, scripts []Script) ([]Facts, error) {
	facts := make([]Facts, len(scripts))
	var missing []int
	for i, script := range scripts {
		known, ok := c.recall(script)
		if facts[i] = known; !ok {
			missing = append(missing, i)
		}
	}
	for len(missing) > 0 {
		batch := batchOf(scripts, missing)
		found, err := c.examine(ctx, pick(scripts, batch))
		if err != nil {
			return nil, err
		}
		for i, f := range found {
			facts[batch[i]] = f
			c.cache.put(scripts[batch[i]].key(), f)
		}
		missing = missing[len(found):]
	}
	return facts, nil
}

// batchOf are the first of some scripts, as far as one interpreter reads them at once.
func batchOf(scripts []Script, indexes []int) []int {
	first := scripts[indexes[0]].Interpreter
	n := slices.IndexFunc(indexes, func(i int) bool { return scripts[i].Interpreter != first })
	if n < 0 {
		n = len(indexes)
	}
	return indexes[:min(n, maxBatch)]
}

// recall is what can be said of a script without looking into it.
func (c *Checker) recall(script Script) (Facts, bool) {
	if len(script.Source) > MaxSource {
		message := fmt.Sprintf("The script is %d bytes, over the limit of %d", len(script.Source), MaxSource)
		return only(script, "script.size", message), true
	}
	return c.cache.get(script.key())
}

// only is the one finding about a script as a whole.
func only(script Script, rule, message string) Facts {
	sum := sha256.Sum256([]byte(script.Source))
	return Facts{Findings: []Finding{{
		Rule: rule, Line: 1, Column: 1, Message: message, SnippetHash: hex.EncodeToString(sum[:])[:16],
	}}}
}

func pick(scripts []Script, indexes []int) []Script {
	picked := make([]Script, len(indexes))
	for i, index := range indexes {
		picked[i] = scripts[index]
	}
	return picked
}

// examine returns facts on at least the first of the scripts. Where the program
// stops early, the script that it was at has its end as a finding.
func (c *Checker) examine(ctx context.Context, scripts []Script) ([]Facts, error) {
	spec, err := c.specFor(scripts)
	if err != nil {
		return nil, err
	}
	result, err := c.Runner.Run(ctx, spec)
	if err != nil {
		return nil, err
	}
	switch result.Outcome {
	case sandbox.TimedOut, sandbox.SandboxError, sandbox.Cancelled, sandbox.Refused:
		return nil, fmt.Errorf("%w: its sandbox ended as %s", ErrUnfinished, result.Outcome)
	case sandbox.Completed, sandbox.Failed, sandbox.Signalled, sandbox.MemoryLimit, sandbox.PidsLimit, sandbox.OutputLimit, sandbox.Denied:
	}
	facts, err := decode(result.Stdout, scripts)
	if err != nil {
		return []Facts{only(scripts[0], "script.checker", "The checker's answer makes no sense: "+oneLine(err.Error()))}, nil
	}
	if len(facts) < len(scripts) {
		facts = append(facts, only(scripts[len(facts)], "script.checker", "The checker did not come to an end: "+how(result)))
	}
	return facts, nil
}

// how a run ended, for people.
func how(r sandbox.Result) string {
	switch r.Outcome {
	case sandbox.Failed:
		return fmt.Sprintf("it exited with code %d", r.Code)
	case sandbox.Signalled:
		return fmt.Sprintf("it was ended by signal %s", r.Signal)
	default:
		return string(r.Outcome)
	}
}
