package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/worker/install"
)

// diagnosis is one check as doctor prints it.
type diagnosis struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
	Cause  string `json:"cause,omitempty"`
	Remedy string `json:"remedy,omitempty"`
	// Optional checks do not make the machine unfit.
	Optional bool `json:"optional,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine can enforce, and what is missing",
		Long: `Doctor tries every step of the sandbox, looks for the interpreters, opens the
state folder, which it makes if there is none, and looks at Temporal. Exit codes:
0 fit, 4 the state folder or Temporal is not usable, 5 this machine cannot
sandbox.`,
		Example: `  lazaret doctor
  lazaret doctor --output json | jq '.[] | select(.ok | not)'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
			return a.doctor(cmd.Context())
		},
	}
	a.tableFlag(cmd)
	return cmd
}

func (a *app) doctor(ctx context.Context) error {
	sandboxed := sandboxChecks(ctx)
	reachable := []diagnosis{a.stateFolder(), a.temporal(ctx)}
	all := append(append(sandboxed, interpreterChecks()...), reachable...)
	if err := a.printDiagnoses(all); err != nil {
		return err
	}
	switch {
	case unfit(sandboxed):
		return &exitError{code: exitNoSandbox, err: errors.New("this machine cannot sandbox scripts")}
	case unfit(reachable):
		return unreachable(errors.New("the state folder or Temporal is not usable"), "")
	}
	return nil
}

func sandboxChecks(ctx context.Context) []diagnosis {
	var checks []diagnosis
	for _, c := range sandbox.Probe(ctx) {
		checks = append(checks, diagnosis{Name: c.Name, OK: c.OK, Detail: c.Detail, Cause: c.Cause, Remedy: c.Remedy})
	}
	return checks
}

func interpreterChecks() []diagnosis {
	in := activities.HostInterpreters()
	var checks []diagnosis
	for _, language := range []string{"python", "js"} {
		d := diagnosis{Name: "interpreter " + language, Optional: true}
		path, err := in.Installed(language)
		if err == nil {
			d.OK, d.Detail = true, path
		} else {
			d.Cause = err.Error()
		}
		checks = append(checks, d)
	}
	return checks
}

func (a *app) stateFolder() diagnosis {
	home, err := install.Open(a.stateDir)
	if err == nil {
		return diagnosis{Name: "state folder", OK: true, Detail: home.Dir()}
	}
	d := diagnosis{Name: "state folder", Cause: err.Error()}
	if e, ok := errors.AsType[*install.Error](err); ok {
		d.Remedy = e.Hint
	}
	return d
}

func (a *app) temporal(ctx context.Context) diagnosis {
	s, err := a.connectExisting(ctx)
	switch {
	case err != nil:
		d := diagnosis{Name: "Temporal", Cause: err.Error()}
		if exit, ok := errors.AsType[*exitError](err); ok {
			d.Remedy = exit.hint
		}
		return d
	case s == nil:
		return diagnosis{Name: "Temporal", OK: true, Detail: "none is configured or up; `lazaret run` starts its own"}
	}
	defer s.Close()
	if s.install == nil {
		return diagnosis{Name: "Temporal", OK: true, Detail: "the configured one answers"}
	}
	return diagnosis{Name: "Temporal", OK: true, Detail: "the one of `lazaret up` answers"}
}

func unfit(checks []diagnosis) bool {
	for _, c := range checks {
		if !c.OK && !c.Optional {
			return true
		}
	}
	return false
}

func (a *app) printDiagnoses(checks []diagnosis) error {
	if a.output != "table" {
		return a.printJSON(checks)
	}
	for _, c := range checks {
		switch {
		case c.OK:
			fmt.Fprintf(a.stdout, "ok       %-22s %s\n", c.Name, c.Detail)
		case c.Optional:
			fmt.Fprintf(a.stdout, "missing  %-22s %s\n", c.Name, c.Cause)
		default:
			fmt.Fprintf(a.stdout, "FAILED   %-22s %s\n", c.Name, c.Cause)
			if c.Remedy != "" {
				fmt.Fprintf(a.stdout, "         %-22s remedy: %s\n", "", c.Remedy)
			}
		}
	}
	return nil
}
