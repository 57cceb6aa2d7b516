package worker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// operatorFlags ask for an operator's checklists.
type operatorFlags struct {
	deploy, periodic, report bool
	done, accept             []string
	metrics                  string
	maxAge                   time.Duration
}

func (f operatorFlags) asked() bool {
	return f.deploy || f.periodic || f.report || len(f.done) > 0
}

func (a *app) operatorFlags(cmd *cobra.Command, f *operatorFlags) {
	cmd.Flags().BoolVar(&f.deploy, "deploy", false, "answer what must be so before lazaret is put to use")
	cmd.Flags().BoolVar(&f.periodic, "periodic", false, "answer what must be done again and again, with when it was done last")
	cmd.Flags().BoolVar(&f.report, "report", false, "print everything as Markdown")
	cmd.Flags().StringArrayVar(&f.done, "done", nil, "say that an item, such as audit-review, was done now; repeat for more")
	cmd.Flags().StringArrayVar(&f.accept, "accept", nil, "an item, such as service-user, that need not hold here; repeat for more")
	cmd.Flags().DurationVar(&f.maxAge, "max-age", 30*24*time.Hour, "how long what was done counts, and how far back the report counts")
	cmd.Flags().StringVar(&f.metrics, "metrics-address", "127.0.0.1:9464", "where the worker's metrics are")
	_ = cmd.RegisterFlagCompletionFunc("done", cobra.FixedCompletions(byHand(), cobra.ShellCompDirectiveNoFileComp))
	a.auditFlag(cmd)
	a.policyFlag(cmd)
}

// operatorLists answers the lists that the flags ask for, after writing down what
// they say was done.
func (a *app) operatorLists(ctx context.Context, level string, flags operatorFlags) error {
	o, err := a.operator(flags)
	if err != nil {
		return err
	}
	for _, item := range flags.done {
		of := ""
		if item == "policy-review" {
			if o.policy == nil {
				return invalid("name it with --policy FILE", "--done policy-review: which policy?")
			}
			of = o.policy.Digest
		}
		if err := o.book.mark(item, of, o.now); err != nil {
			return err
		}
	}
	if flags.report {
		return a.operatorReport(ctx, level, o)
	}
	var all []diagnosis
	for _, list := range []struct {
		name string
		on   bool
	}{{"deploy", flags.deploy}, {"periodic", flags.periodic}} {
		if list.on {
			all = append(all, o.answer(ctx, list.name)...)
		}
	}
	if len(all) == 0 {
		return nil
	}
	if err := a.printDiagnoses(all); err != nil {
		return err
	}
	return listVerdict(all)
}

func listVerdict(all []diagnosis) error {
	if unfit(all) {
		return &exitError{code: exitInvalid, err: errors.New("not every item holds"), quiet: true}
	}
	return nil
}

// operator checks the flags and opens what the items are about.
func (a *app) operator(flags operatorFlags) (*operator, error) {
	if flags.maxAge < time.Hour {
		return nil, invalid("such as --max-age 720h, 30 days", "--max-age %s is less than an hour", flags.maxAge)
	}
	if err := checkItems("done", flags.done, byHand()); err != nil {
		return nil, err
	}
	if err := checkItems("accept", flags.accept, operatorItemIDs()); err != nil {
		return nil, err
	}
	book, err := a.openDoneBook()
	if err != nil {
		return nil, err
	}
	o := &operator{app: a, metrics: flags.metrics, maxAge: flags.maxAge, now: time.Now(), book: book, accept: flags.accept}
	if a.policy.file != "" {
		if o.policy, err = readPolicy(a.policy.file, readPolicyOptions()); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func checkItems(flag string, given, known []string) error {
	for _, id := range given {
		if !slices.Contains(known, id) {
			return invalid("one of "+strings.Join(known, ", "), "--%s %q is no item that one can say this of", flag, id)
		}
	}
	return nil
}
