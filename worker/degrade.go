package worker

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// allowDegradedFlag adds --allow-degraded to a command that brings a sandbox.
func (a *app) allowDegradedFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.allowDegraded, "allow-degraded", nil,
		"parts of the isolation that this machine may lack, as far as the level may: "+
			strings.Join(policies.Names(sandbox.Features()), ", ")+"; with commas, or repeated")
}

// degradations reads what --allow-degraded was given.
func (a *app) degradations() (policies.Degradations, error) {
	var names []string
	for _, list := range a.allowDegraded {
		names = append(names, strings.Split(list, ",")...)
	}
	d, err := policies.ParseDegradations(names)
	if err != nil {
		return nil, invalid("", "--allow-degraded: %w", err)
	}
	return d, nil
}

// own runs lazaret's own programs.
func (s serviceOptions) own(r activities.Runner) activities.Runner {
	return activities.OwnPrograms{Runner: r, Permitted: s.degradations}
}

// unavailableError is a machine that cannot enforce a level; the zero level is
// that of lazaret's own programs.
func unavailableError(err error, level policies.Level) error {
	hint := "lazaret doctor says what is missing"
	if step, ok := errors.AsType[*sandbox.StepError](err); ok && step.Remedy != "" {
		hint = step.Remedy
	}
	if lack, ok := errors.AsType[*sandbox.LackError](err); ok && level != 0 {
		hint += "; " + policies.Advice(level, lack.Feature)
	}
	return &exitError{code: exitNoSandbox, err: err, hint: hint}
}

// logLacks says once, when a worker starts, what its machine lacks, and what that
// means for the level of its scripts: what is refused is a warning.
func logLacks(log zerolog.Logger, lacks []sandbox.Lack, level policies.Level, permitted policies.Degradations) {
	v := permitted.Judge(level, lacking(lacks))
	for _, l := range lacks {
		event := log.Info()
		if slices.Contains(v.Refused, l.Feature) {
			event = log.Warn()
		}
		event.
			Str("feature", string(l.Feature)).
			Str("step", l.Step).
			AnErr("error", l.Err).
			Str("cause", l.Cause).
			Str("remedy", l.Remedy).
			Msg("this machine lacks a part of the sandbox")
	}
	if len(v.Refused) > 0 {
		log.Warn().
			Stringer("sandbox_level", level).
			Strs("lacks", policies.Names(v.Refused)).
			Msg("this machine cannot enforce the level: its scripts will be refused")
	}
}

func lacking(lacks []sandbox.Lack) []sandbox.Feature {
	var all []sandbox.Feature
	for _, l := range lacks {
		all = append(all, l.Feature)
	}
	return all
}

// announceDegraded tells people at the start what scripts of a level do without;
// the zero level is the worker's.
func (a *app) announceDegraded(s *service, level policies.Level) {
	if s.runner == nil {
		return
	}
	unlisted := s.policy.source.unlisted()
	v := unlisted.AllowDegraded.Judge(cmp.Or(level, unlisted.Level), lacking(s.runner.Lacks()))
	if len(v.Degraded) > 0 {
		fmt.Fprintf(a.stderr, "degraded: scripts at level %s run without %s, as permitted\n", v.Level, strings.Join(policies.Names(v.Degraded), ", "))
	}
}
