package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/worker/install"
)

// diagnosis is one check as doctor prints it.
type diagnosis struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
	Step   string `json:"step,omitempty"`   // of building a sandbox, that failed
	Error  string `json:"error,omitempty"`  // what came of it
	Cause  string `json:"cause,omitempty"`  // probably
	Remedy string `json:"remedy,omitempty"` // what an operator can do
	// Feature is what --allow-degraded names it, where programs may do without.
	Feature string `json:"feature,omitempty"`
	// Level is set where the check is about a level, Degraded and Refused then say
	// what it does without, and what it cannot do without.
	Level    string   `json:"level,omitempty"`
	Degraded []string `json:"degraded,omitempty"`
	Refused  []string `json:"refused,omitempty"`
	// Optional checks do not make the machine unfit.
	Optional bool `json:"optional,omitempty"`
	// List and Text are set for an item of a checklist: which, and what must be so.
	// Accepted says that the operator puts up with it.
	List     string `json:"list,omitempty"`
	Text     string `json:"text,omitempty"`
	Accepted bool   `json:"accepted,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	var level string
	var lists operatorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine can enforce, and what is missing",
		Long: `Doctor goes through every step of a sandbox, has programs run into their limits,
looks for interpreters, what packages need and analyzers, opens the state folder,
which it makes if there is none, and looks at Temporal. What fails it names with
the step, the probable cause and the remedy. Last it says for each level whether
this machine enforces it. Give it those of its flags that you give the worker.

With --deploy or --periodic it answers an operator's checklist in their place: what
must be so before lazaret is put to use, and what must be done again and again. What
no program can find out a person says with --done; the answer grows old. With
--report it prints all of it, and what the audit log has counted, as Markdown.

Exit codes: 0 the level can be enforced and every item asked for holds, 2 an item
does not, 4 the state folder or Temporal is not usable, 5 the level cannot be enforced.`,
		Example: `  lazaret doctor
  lazaret doctor --level standard --allow-degraded cgroup-memory,cgroup-pids
  lazaret doctor --output json | jq '.[] | select(.ok | not)'
  lazaret doctor --deploy --policy /etc/lazaret/policy.yaml
  lazaret doctor --periodic --max-age 720h
  lazaret doctor --done audit-review --done package-update
  lazaret doctor --report --policy /etc/lazaret/policy.yaml > report.md`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
			if lists.asked() {
				return a.operatorLists(cmd.Context(), level, lists)
			}
			return a.doctor(cmd.Context(), level)
		},
	}
	cmd.Flags().StringVar(&level, "level", policies.Maximum.String(), "the level that this machine is to enforce")
	a.allowDegradedFlag(cmd)
	a.addSupplyFlags(cmd)
	a.operatorFlags(cmd, &lists)
	a.tableFlag(cmd)
	return cmd
}

func (a *app) doctor(ctx context.Context, wanted string) error {
	m, err := a.examine(ctx, wanted)
	if err != nil {
		return err
	}
	if err := a.printDiagnoses(m.all()); err != nil {
		return err
	}
	return m.verdict()
}

// examined is what doctor has found.
type examined struct {
	level             policies.Level // that was asked for
	checks            []diagnosis
	reachable, levels []diagnosis
}

func (m examined) all() []diagnosis { return slices.Concat(m.checks, m.reachable, m.levels) }

// verdict is why the machine is unfit, with the exit code.
func (m examined) verdict() error {
	switch {
	case unfit(m.levels):
		return &exitError{code: exitNoSandbox, err: fmt.Errorf("this machine cannot enforce level %s", m.level)}
	case unfit(m.reachable):
		return unreachable(errors.New("the state folder or Temporal is not usable"), "")
	}
	return nil
}

func (a *app) examine(ctx context.Context, wanted string) (examined, error) {
	level, err := policies.ParseLevel(wanted)
	if err != nil {
		return examined{}, invalid("", "--%w", err)
	}
	permitted, err := a.degradations()
	if err != nil {
		return examined{}, err
	}
	supplies, err := a.supplies()
	if err != nil {
		return examined{}, err
	}
	found := sandbox.Probe(ctx)
	return examined{
		level:     level,
		checks:    append(sandboxDiagnoses(found), supplyDiagnoses(ctx, supplies, permitted)...),
		reachable: []diagnosis{a.stateFolder(), a.temporal(ctx)},
		levels:    levelDiagnoses(found, level, permitted),
	}, nil
}

// sandboxDiagnoses are optional, all of them: what they come to the levels say.
func sandboxDiagnoses(found sandbox.Diagnosis) []diagnosis {
	var checks []diagnosis
	for _, c := range found.Checks {
		checks = append(checks, diagnosis{
			Name: c.Name, OK: c.OK, Detail: c.Detail, Step: c.Step, Error: c.Error, Cause: c.Cause, Remedy: c.Remedy,
			Feature: string(c.Feature), Optional: c.Feature != "",
		})
	}
	return checks
}

// levelDiagnoses say of each level whether it is enforced. Only the wanted one
// makes the machine unfit.
func levelDiagnoses(found sandbox.Diagnosis, wanted policies.Level, permitted policies.Degradations) []diagnosis {
	var checks []diagnosis
	for _, level := range policies.Levels() {
		v := permitted.Judge(level, lacking(found.Lacks))
		d := diagnosis{
			Name: "level " + level.String(), Level: level.String(), Optional: level != wanted,
			Degraded: policies.Names(v.Degraded), Refused: policies.Names(v.Refused),
		}
		switch {
		case found.Unavailable != nil:
			d.Error = "there is no sandbox on this machine"
		case len(v.Refused) > 0:
			d.Error = "it lacks " + strings.Join(d.Refused, ", ")
			d.Remedy = adviceOn(level, v.Refused)
		case len(v.Degraded) > 0:
			d.OK, d.Detail = true, "degraded: without "+strings.Join(d.Degraded, ", ")+", as permitted"
		default:
			d.OK, d.Detail = true, "enforced"
		}
		checks = append(checks, d)
	}
	return checks
}

// adviceOn names all that would have to be permitted, or what never can be.
func adviceOn(level policies.Level, refused []sandbox.Feature) string {
	for _, f := range refused {
		if !policies.MayLack(level, f) {
			return "give the machine what it lacks: " + policies.Advice(level, f)
		}
	}
	return "give the machine what it lacks, or permit --allow-degraded " + strings.Join(policies.Names(refused), ",")
}

func (a *app) stateFolder() diagnosis {
	home, err := install.Open(a.stateDir)
	if err == nil {
		return diagnosis{Name: "state folder", OK: true, Detail: home.Dir()}
	}
	d := diagnosis{Name: "state folder", Error: err.Error()}
	if e, ok := errors.AsType[*install.Error](err); ok {
		d.Remedy = e.Hint
	}
	return d
}

func (a *app) temporal(ctx context.Context) diagnosis {
	s, err := a.connectExisting(ctx)
	switch {
	case err != nil:
		d := diagnosis{Name: "Temporal", Error: err.Error()}
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
		c.print(a)
	}
	return nil
}

func (d diagnosis) print(a *app) {
	word, text := d.said()
	fmt.Fprintf(a.stdout, "%-8s %-22s %s\n", word, d.Name, text)
	for _, more := range []struct{ name, text string }{{"cause", d.Cause}, {"remedy", d.Remedy}} {
		if more.text != "" {
			fmt.Fprintf(a.stdout, "%-8s %-22s %s: %s\n", "", "", more.name, more.text)
		}
	}
}

// said is the check's result in a word, and what there is to say about it.
func (d diagnosis) said() (word, text string) {
	word, text = "ok", d.Detail
	switch {
	case d.OK && len(d.Degraded) > 0:
		word = "degraded"
	case d.OK:
	case d.Accepted:
		word, text = "accepted", d.Error
	case d.List != "":
		word, text = "FAILED", d.Error
	case d.Level != "":
		word, text = "refused", d.Error
	case d.Feature != "":
		word, text = "lacks", d.Step+": "+d.Error
	case d.Step != "" && d.Step != d.Name:
		word, text = "FAILED", d.Step+": "+d.Error
	case d.Optional:
		word, text = "missing", d.Error
	default:
		word, text = "FAILED", d.Error
	}
	return word, text
}
