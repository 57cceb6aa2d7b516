package worker

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/policies"
)

func (a *app) libvirtCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "libvirt",
		Short: "Work with virtual machines through the libvirt broker",
		Long: `The broker is the one way to libvirt, for tasks (call: libvirt.domain.start), for
scripts and for this command: it judges each operation by the policy, records it
in the audit log, bounds its rate and its time, and carries it out in a process of
its own. Without a policy six operations are allowed, which only read.`,
		Example: `  lazaret libvirt operations
  lazaret libvirt call domain.list`,
	}
	cmd.AddCommand(a.libvirtOperationsCommand(), a.libvirtCallCommand())
	return group(cmd)
}

func (a *app) libvirtOperationsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operations",
		Short: "List the operations, their parameters and results",
		Long: `Operations lists what can be asked of libvirt: whether it reads or changes, how
dangerous it is, and whether it is allowed without a policy. With --output json or
yaml it has every parameter, with its kind and range, and every field of the result.`,
		Example: `  lazaret libvirt operations
  lazaret libvirt operations --output json | jq '.[] | select(.name == "domain.stop")'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
			if a.output != "table" {
				return a.printJSON(virt.Listings())
			}
			return a.printOperations()
		},
	}
	a.tableFlag(cmd)
	return cmd
}

func (a *app) printOperations() error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "OPERATION\tCHANGES\tDANGER\tDEFAULT\tWHAT IT DOES")
	for _, o := range virt.Listings() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.Name, yes(o.Changes), o.Danger, yes(o.Default), o.Text)
	}
	return w.Flush()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// callFlags are what libvirt call takes.
type callFlags struct {
	uri       string
	arguments []string
	approve   bool
}

func (a *app) libvirtCallCommand() *cobra.Command {
	var flags callFlags
	cmd := &cobra.Command{
		Use:   "call OPERATION",
		Short: "Carry out one operation through the broker and print its result",
		Long: `Call carries one operation out as a task would: the same policy, audit log, limits
and errors. Values of --arg are texts; numbers, true and false, objects and lists
are written as JSON where the operation takes such. What the policy forbids ends
with 3, any other failure with 1 and the error object on stderr.`,
		Example: `  lazaret libvirt call domain.list --arg state=running
  lazaret libvirt call domain.info --uri test:///default --arg name=test
  lazaret libvirt call domain.stop --libvirt-policy ops.yaml --arg name=web-1 --arg deadline=120`,
		Args:              exactly("OPERATION"),
		ValidArgsFunction: completeOperations,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkFlags(); err != nil {
				return err
			}
			return a.libvirtCall(cmd.Context(), args[0], flags)
		},
	}
	cmd.Flags().StringVar(&flags.uri, "uri", "", "the libvirt host, as the policy lists it (default the policy's first)")
	cmd.Flags().StringArrayVar(&flags.arguments, "arg", nil, "an argument as name=value; repeat for more")
	cmd.Flags().BoolVar(&flags.approve, "approve", false, "approve it, where the policy asks for a person's approval")
	a.libvirtPolicyFlag(cmd)
	a.allowDegradedFlag(cmd)
	a.auditFlag(cmd)
	a.outputFlag(cmd)
	return cmd
}

// libvirtPolicyFlag adds the operator's policy to a command.
func (a *app) libvirtPolicyFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.libvirtPolicy, "libvirt-policy", "", "a YAML file that says which libvirt operations are allowed (default six that only read)")
}

func (a *app) libvirtCall(ctx context.Context, name string, flags callFlags) error {
	operation, ok := virt.Find(name)
	if !ok {
		return invalid("lazaret libvirt operations lists them", "%.100q is no operation", name)
	}
	arguments, err := callArguments(operation, flags.arguments)
	if err != nil {
		return err
	}
	policy, err := a.readLibvirtPolicy()
	if err != nil {
		return err
	}
	dir, err := a.auditFolder()
	if err != nil {
		return err
	}
	log, err := audit.Open(dir, audit.Limits{}, nil)
	if err != nil {
		return auditError(err)
	}
	defer func() { _ = log.Close() }()
	degradations, err := a.degradations()
	if err != nil {
		return err
	}
	pool, err := driver.NewPool(policies.Names(degradations.AtOwn())...)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	result, err := activities.NewLibvirtBroker(pool, policy, log).Call(ctx, virt.Request{
		Operation: name, Arguments: arguments, URI: flags.uri, Key: rand.Text(), Approved: flags.approve,
		Identity: virt.Identity{Caller: "cli", User: userName()},
	})
	if err != nil {
		return callError(ctx, name, virt.AsError(err))
	}
	return a.printResult(result)
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint(os.Geteuid())
}

// callError gives a failure its exit code.
func callError(ctx context.Context, operation string, e *virt.Error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch e.Code {
	case virt.Denied:
		return &exitError{code: exitRefused, err: e, hint: deniedHint(e)}
	case virt.Invalid:
		hint := "lazaret libvirt operations --output json has the arguments of each"
		if strings.HasPrefix(e.Message, "the URI ") {
			hint = "docs/operator/libvirt.md says which URIs there are"
		}
		return invalid(hint, "%w", e)
	default:
		return activities.LibvirtFault(operation, e)
	}
}

func deniedHint(e *virt.Error) string {
	switch {
	case strings.HasSuffix(e.Message, virt.ErrApproval):
		return "give --approve if you do"
	case strings.Contains(e.Message, "auth_required"):
		return "list user:" + userName() + " under identities of the policy, if you are to"
	case strings.Contains(e.Message, "the policy"):
		return "--libvirt-policy FILE names a policy that allows it; see docs/operator/libvirt.md"
	}
	return ""
}

// callArguments reads name=value by what the operation takes.
func callArguments(operation virt.Operation, pairs []string) (map[string]any, error) {
	arguments := map[string]any{}
	for _, pair := range pairs {
		name, text, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, invalid("write --arg name=web-1", "--arg %.100q is not name=value", pair)
		}
		if _, twice := arguments[name]; twice {
			return nil, invalid("", "--arg %s is given twice", name)
		}
		arguments[name] = text
		i := slices.IndexFunc(operation.Parameters, func(p virt.Parameter) bool { return p.Name == name })
		if i < 0 || !structured[operation.Parameters[i].Kind] {
			continue
		}
		var value any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&value); err != nil || decoder.More() {
			return nil, invalid("", "--arg %s: %.100q is no %s in JSON", name, text, operation.Parameters[i].Kind)
		}
		arguments[name] = value
	}
	return arguments, nil
}

// structured are the kinds of parameters whose values are written as JSON.
var structured = map[virt.Kind]bool{virt.Integer: true, virt.Boolean: true, virt.Object: true, virt.List: true}

// readLibvirtPolicy reads --libvirt-policy, or is the default. A file that others
// can change decides nothing (C20).
func (a *app) readLibvirtPolicy() (policies.Libvirt, error) {
	operations := activities.LibvirtOperations()
	if a.libvirtPolicy == "" {
		return policies.DefaultLibvirt(operations), nil
	}
	f, err := os.Open(a.libvirtPolicy)
	if err != nil {
		return policies.Libvirt{}, invalid("", "--libvirt-policy %s: %w", a.libvirtPolicy, unwrapPath(err))
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return policies.Libvirt{}, err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return policies.Libvirt{}, invalid("chmod go-w "+a.libvirtPolicy, "--libvirt-policy %s can be changed by others than its owner", a.libvirtPolicy)
	}
	policy, err := policies.ReadLibvirt(f, operations, virt.CheckURI)
	if wrong, ok := errors.AsType[*policies.PolicyError](err); ok {
		place := a.libvirtPolicy
		if wrong.Line > 0 {
			place = fmt.Sprintf("%s:%d:%d", place, wrong.Line, wrong.Column)
		}
		return policies.Libvirt{}, invalid(wrong.Hint, "%s: %s", place, wrong.Message)
	}
	return policy, err
}
