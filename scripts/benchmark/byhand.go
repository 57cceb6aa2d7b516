package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// byHand is a row of a comparison: a workflow as one writes it in Go.
type byHand struct {
	row      string
	workflow goWorkflow
}

// goWorkflow is registered under its name. Unless it is unlisted, the list of
// executions tells of it what it tells of a definition's: as the caller starts it,
// and how it ended.
type goWorkflow struct {
	name     string
	run      any
	unlisted bool
}

var (
	setByHand      = goWorkflow{name: "set", run: listed(greet)}
	unlistedByHand = goWorkflow{name: "set-unlisted", run: greet, unlisted: true}
	forkByHand     = goWorkflow{name: "fork", run: listed(fork)}

	scriptByHand    = goWorkflow{name: "script", run: listed(func(ctx workflow.Context) (string, error) { return runByHand(ctx, runPython, "print(6 * 7)") })}
	boxedByHand     = goWorkflow{name: "boxed", run: listed(func(ctx workflow.Context) (string, error) { return runByHand(ctx, runBoxedPython, "print(6 * 7)") })}
	scriptsByHand   = goWorkflow{name: "scripts", run: listed(tenScripts)}
	sandboxedByHand = goWorkflow{name: "sandboxed", run: listed(tenSandboxes)}

	byHandWorkflows = []goWorkflow{
		setByHand, unlistedByHand, forkByHand, forByHand(10), forByHand(1000), scriptByHand, boxedByHand, scriptsByHand, sandboxedByHand,
	}
)

// listed has a workflow say how it ended.
func listed[T any](run func(workflow.Context) (T, error)) func(workflow.Context) (T, error) {
	return func(ctx workflow.Context) (T, error) {
		output, err := run(ctx)
		if err != nil {
			return output, err
		}
		return output, workflow.UpsertTypedSearchAttributes(ctx, temporal.NewSearchAttributeKeyKeyword(contract.AttributeState).ValueSet("completed"))
	}
}

func greet(workflow.Context) (map[string]string, error) {
	return map[string]string{"greeting": "hello"}, nil
}

func forByHand(n int) goWorkflow {
	return goWorkflow{name: fmt.Sprint("for-", n), run: listed(func(workflow.Context) (map[string]int, error) {
		sum := 0
		for number := 1; number <= n; number++ {
			sum += number
		}
		return map[string]int{"sum": sum}, nil
	})}
}

func fork(ctx workflow.Context) ([]int, error) {
	squares := make([]int, 5)
	running := workflow.NewWaitGroup(ctx)
	for i := range squares {
		running.Add(1)
		workflow.Go(ctx, func(workflow.Context) {
			squares[i] = (i + 1) * (i + 1)
			running.Done()
		})
	}
	running.Wait(ctx)
	return squares, nil
}

// tenScripts gives each script what the one before printed.
func tenScripts(ctx workflow.Context) (map[string]int, error) {
	return ten(func(total, number int) (string, error) {
		return runByHand(ctx, runPython, fmt.Sprintf("print(%d + %d)", total, number))
	})
}

// tenSandboxes does it with the product's own activity.
func tenSandboxes(ctx workflow.Context) (map[string]int, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	return ten(func(total, number int) (string, error) {
		arguments, err := json.Marshal(map[string]int{"total": total, "number": number})
		if err != nil {
			return "", err
		}
		var result contract.ProcessResult
		err = workflow.ExecuteActivity(ctx, contract.RunScript, contract.Process{
			Language: "python", Code: "print(total + number)", Arguments: arguments, Return: "stdout",
		}).Get(ctx, &result)
		return result.Stdout, err
	})
}

func ten(add func(total, number int) (string, error)) (map[string]int, error) {
	total := 0
	for number := 1; number <= 10; number++ {
		output, err := add(total, number)
		if err != nil {
			return nil, err
		}
		if total, err = strconv.Atoi(strings.TrimSpace(output)); err != nil {
			return nil, err
		}
	}
	return map[string]int{"sum": total}, nil
}

func runByHand(ctx workflow.Context, activity func(context.Context, string) (string, error), code string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var output string
	err := workflow.ExecuteActivity(ctx, activity, code).Get(ctx, &output)
	return output, err
}

func runPython(ctx context.Context, code string) (string, error) {
	output, err := exec.CommandContext(ctx, python, "-I", "-S", "-c", code).Output() //nolint:gosec // the code is ours
	return string(output), err
}

func runBoxedPython(ctx context.Context, code string) (string, error) {
	output, err := bubblewrap(ctx, nil, "-c", code).Output()
	return string(output), err
}
