package workflows

import (
	"fmt"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// renewIndexAfter bounds how many changes one run of an index takes, and so its history.
const renewIndexAfter = 100

// index is the entity that says which versions of a definition are published.
// It lives for ever, in runs that continue as new.
type index struct {
	state   contract.Index
	changes int            // taken in this run
	turn    workflow.Mutex // one change at a time
}

// keepIndex serves one definition's index: changes by update, reads by query.
func keepIndex(ctx workflow.Context, state contract.Index) error {
	x := &index{state: state, turn: workflow.NewMutex(ctx)}
	if err := x.serve(ctx); err != nil {
		return err
	}
	if err := x.show(ctx); err != nil {
		return err
	}
	err := workflow.Await(ctx, func() bool {
		due := x.changes >= renewIndexAfter || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
		return due && workflow.AllHandlersFinished(ctx)
	})
	if err != nil {
		return err
	}
	return workflow.NewContinueAsNewError(ctx, contract.DefinitionIndex, x.state)
}

func (x *index) serve(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.IndexQuery,
		func() (contract.Index, error) { return x.state, nil },
		workflow.QueryHandlerOptions{Description: "the versions that are published"})
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, contract.PublishUpdate, x.publish, workflow.UpdateHandlerOptions{
		Validator: x.checkPublication, Description: "publish a document",
	})
	if err != nil {
		return err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, contract.DeleteUpdate, x.remove, workflow.UpdateHandlerOptions{
		Validator: x.checkDeletion, Description: "delete a version",
	})
}

// checkPublication refuses what cannot be published. Refused updates leave
// nothing in history.
func (x *index) checkPublication(p contract.Publication) error {
	if len(p.Document) > contract.MaxPublished {
		return refusal("the document has %d bytes; at most %d can be published", len(p.Document), contract.MaxPublished)
	}
	def, err := definitions.load(p.Source)
	if err != nil {
		return failure(err)
	}
	if def.Document.Namespace != x.state.Namespace || def.Document.Name != x.state.Name {
		return refusal("%s is not %s/%s", TypeName(def.Document), x.state.Namespace, x.state.Name)
	}
	return x.checkVersion(def)
}

// checkVersion: a version means one document, for ever.
func (x *index) checkVersion(def *definition.Definition) error {
	version := def.Document.Version
	at := x.find(version)
	if at < 0 {
		if len(x.state.Versions) >= contract.MaxVersions {
			return refusal("%s has %d versions, and there is no room for more", TypeName(def.Document), contract.MaxVersions)
		}
		return nil
	}
	known := x.state.Versions[at]
	if known.Digest == def.Digest {
		return nil
	}
	was := "is published"
	if known.Deleted() {
		was = "was published, and deleted,"
	}
	return refusal("%s:%s %s with other content (%.12s, not %.12s); a version never changes: raise document.version",
		TypeName(def.Document), version, was, known.Digest, def.Digest)
}

// publish adds a version. The document goes to a workflow of its own.
func (x *index) publish(ctx workflow.Context, p contract.Publication) (contract.Published, error) {
	if err := x.turn.Lock(ctx); err != nil {
		return contract.Published{}, err
	}
	defer x.turn.Unlock()
	def, err := definitions.load(p.Source)
	if err != nil {
		return contract.Published{}, failure(err)
	}
	if err := x.checkVersion(def); err != nil {
		return contract.Published{}, err // another update was first
	}
	version := def.Document.Version
	at := x.find(version)
	if at >= 0 && !x.state.Versions[at].Deleted() {
		return contract.Published{PublishedVersion: x.state.Versions[at], Unchanged: true}, nil
	}
	if err := x.startVersion(ctx, version, p.Source); err != nil {
		return contract.Published{}, err
	}
	if at >= 0 {
		x.state.Versions = slices.Delete(x.state.Versions, at, at+1)
	}
	published := contract.PublishedVersion{
		Version: version, Digest: def.Digest, Size: len(p.Document), PublishedAt: now(ctx), PublishedBy: p.By,
	}
	x.insert(published)
	return contract.Published{PublishedVersion: published}, x.changed(ctx)
}

// startVersion starts the workflow that holds the document. One that is there
// is of a deletion that it has not seen yet.
func (x *index) startVersion(ctx workflow.Context, version string, source contract.Source) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            contract.VersionID(x.state.Namespace, x.state.Name, version),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING, //nolint:staticcheck // children have no conflict policy, which is to replace it
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:         fmt.Sprintf("%s/%s:%s", x.state.Namespace, x.state.Name, version),
	})
	return workflow.ExecuteChildWorkflow(ctx, contract.DefinitionVersion, source).GetChildWorkflowExecution().Get(ctx, nil)
}

func (x *index) checkDeletion(d contract.Deletion) error {
	at := x.find(d.Version)
	switch {
	case at < 0:
		return refusal("%s/%s:%s is not published", x.state.Namespace, x.state.Name, d.Version)
	case x.state.Versions[at].Deleted():
		return refusal("%s/%s:%s is deleted already", x.state.Namespace, x.state.Name, d.Version)
	}
	return nil
}

// remove deletes a version. What it was stays known, so that it never comes to
// mean another document.
func (x *index) remove(ctx workflow.Context, d contract.Deletion) (contract.PublishedVersion, error) {
	if err := x.turn.Lock(ctx); err != nil {
		return contract.PublishedVersion{}, err
	}
	defer x.turn.Unlock()
	if err := x.checkDeletion(d); err != nil {
		return contract.PublishedVersion{}, err
	}
	version := &x.state.Versions[x.find(d.Version)]
	version.DeletedAt, version.DeletedBy = now(ctx), d.By
	deleted := *version
	id := contract.VersionID(x.state.Namespace, x.state.Name, d.Version)
	if err := workflow.SignalExternalWorkflow(ctx, id, "", contract.ForgetSignal, nil).Get(ctx, nil); err != nil {
		// Somebody has ended it by hand: it is as gone as it should be.
		workflow.GetLogger(ctx).Warn("version not signalled", "version", d.Version, "error", err)
	}
	return deleted, x.changed(ctx)
}

func (x *index) find(version string) int {
	return slices.IndexFunc(x.state.Versions, func(v contract.PublishedVersion) bool { return v.Version == version })
}

// insert keeps the newest first; of versions that differ in build metadata
// alone, the one published last.
func (x *index) insert(v contract.PublishedVersion) {
	at := slices.IndexFunc(x.state.Versions, func(old contract.PublishedVersion) bool {
		return definition.CompareVersions(old.Version, v.Version) <= 0
	})
	if at < 0 {
		at = len(x.state.Versions)
	}
	x.state.Versions = slices.Insert(x.state.Versions, at, v)
}

// changed brings what people see up to date.
func (x *index) changed(ctx workflow.Context) error {
	x.changes++
	x.state.Latest = ""
	for _, v := range x.state.Versions {
		if !v.Deleted() {
			x.state.Latest = v.Version
			break
		}
	}
	return x.show(ctx)
}

func (x *index) show(ctx workflow.Context) error {
	if len(x.state.Versions) == 0 {
		return nil
	}
	last, there := x.state.Versions[0].PublishedAt, 0
	for _, v := range x.state.Versions {
		if !v.Deleted() {
			there++
		}
		if v.PublishedAt.After(last) {
			last = v.PublishedAt
		}
	}
	workflow.SetCurrentDetails(ctx, x.markdown())
	return workflow.UpsertMemo(ctx, map[string]any{
		contract.MemoLatest: x.state.Latest, contract.MemoVersions: there, contract.MemoPublished: last,
	})
}

func (x *index) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s/%s** latest %s\n\n", x.state.Namespace, x.state.Name, x.state.Latest)
	for _, v := range x.state.Versions {
		if b.Len() > maxDetails {
			break
		}
		deleted := ""
		if v.Deleted() {
			deleted = ", deleted"
		}
		fmt.Fprintf(&b, "- %s `%.12s` %s%s\n", v.Version, v.Digest, v.PublishedAt.Format("2006-01-02 15:04"), deleted)
	}
	return b.String()
}

// refusal is what a rejected update answers.
func refusal(format string, args ...any) error {
	fault := configurationFault(fmt.Sprintf(format, args...))
	return temporal.NewApplicationErrorWithOptions(fault.Detail, fault.Type, temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{fault},
	})
}

// keepVersion holds one published document until it is deleted.
func keepVersion(ctx workflow.Context, source contract.Source) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.SourceQuery,
		func() (contract.Source, error) { return source, nil },
		workflow.QueryHandlerOptions{Description: "the document"})
	if err != nil {
		return err
	}
	workflow.GetSignalChannelWithOptions(ctx, contract.ForgetSignal, workflow.SignalChannelOptions{
		Description: "end, for the version is deleted; use lazaret definitions delete",
	}).Receive(ctx, nil)
	return ctx.Err()
}
