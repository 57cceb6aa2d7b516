// Package published reads and writes published definitions. They live in
// Temporal alone: an index workflow for each namespace and name, and a workflow
// for each version, which holds the document (package contract names them).
//
// Changes are updates and reads are queries, both answered by a worker; only
// listing all names asks the server's visibility store, which may lag behind.
package published

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/activities/contract"
)

// Missing says that nothing usable is published under a reference. The text is
// for whoever used it.
type Missing struct {
	Reference contract.Reference
	Reason    string
	Hint      string // may be empty
}

func (m *Missing) Error() string { return m.Reference.String() + " " + m.Reason }

// Rejected is what an index answers to what it does not accept.
type Rejected struct{ Reason string }

func (r *Rejected) Error() string { return r.Reason }

// Store is the definitions published in a client's namespace.
type Store struct {
	Client client.Client
	// Converter reads the memos of indexes; nil: Temporal's default.
	Converter converter.DataConverter
	// Suggest gives the name nearest to a wrong one, or ""; nil: none.
	Suggest func(name string, known []string) string
}

// Publish publishes a document under the namespace and name that it has. A
// document that is there already is no error.
func (s Store) Publish(ctx context.Context, namespace, name string, p contract.Publication) (contract.Published, error) {
	id := contract.IndexID(namespace, name)
	start := s.Client.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID:                       id,
		TaskQueue:                contract.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "published versions of " + namespace + "/" + name,
	}, contract.DefinitionIndex, contract.Index{Namespace: namespace, Name: name})
	handle, err := s.Client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			WorkflowID: id, UpdateName: contract.PublishUpdate, Args: []any{p},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	var published contract.Published
	if err == nil {
		err = handle.Get(ctx, &published)
	}
	return published, changeError(err)
}

// Delete deletes a version: nothing starts it any more, and what runs goes on.
func (s Store) Delete(ctx context.Context, namespace, name string, d contract.Deletion) (contract.PublishedVersion, error) {
	handle, err := s.Client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: contract.IndexID(namespace, name), UpdateName: contract.DeleteUpdate, Args: []any{d},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	var deleted contract.PublishedVersion
	if err == nil {
		err = handle.Get(ctx, &deleted)
	}
	if isNotFound(err) {
		return deleted, s.unknown(ctx, contract.Reference{Namespace: namespace, Name: name, Version: d.Version})
	}
	return deleted, changeError(err)
}

// changeError makes of a rejected or failed update what its index said.
func changeError(err error) error {
	if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return &Rejected{Reason: application.Message()}
	}
	return err
}

// Index is all that is published under one name, deleted versions included.
// The error is Missing where nothing ever was.
func (s Store) Index(ctx context.Context, namespace, name string) (contract.Index, error) {
	var index contract.Index
	err := s.query(ctx, contract.IndexID(namespace, name), contract.IndexQuery, &index)
	if isNotFound(err) || err == nil && len(index.Versions) == 0 {
		return index, s.unknown(ctx, contract.Reference{Namespace: namespace, Name: name, Version: contract.Latest})
	}
	return index, err
}

// Resolve finds the document that a reference means. The error is Missing where
// there is none.
func (s Store) Resolve(ctx context.Context, reference contract.Reference) (contract.Resolved, error) {
	index, err := s.Index(ctx, reference.Namespace, reference.Name)
	if missing, ok := errors.AsType[*Missing](err); ok {
		missing.Reference = reference
		return contract.Resolved{}, missing
	}
	if err != nil {
		return contract.Resolved{}, err
	}
	version, err := choose(index, reference)
	if err != nil {
		return contract.Resolved{}, err
	}
	var source contract.Source
	err = s.query(ctx, contract.VersionID(reference.Namespace, reference.Name, version.Version), contract.SourceQuery, &source)
	if isNotFound(err) {
		return contract.Resolved{}, &Missing{
			reference, "has lost its document: somebody ended the workflow that held it",
			"delete the version with lazaret definitions delete, and publish it again",
		}
	}
	return contract.Resolved{Source: source, Version: version.Version}, err
}

// choose finds the version in its index.
func choose(index contract.Index, reference contract.Reference) (contract.PublishedVersion, error) {
	want := reference.Version
	if reference.Before != "" {
		want = before(index, reference.Before)
	}
	if want == contract.Latest {
		want = index.Latest
	}
	at := slices.IndexFunc(index.Versions, func(v contract.PublishedVersion) bool { return v.Version == want })
	switch {
	case want == "":
		return contract.PublishedVersion{}, &Missing{reference, "is deleted, as is every other version", "publish it again, or another version"}
	case at < 0:
		return contract.PublishedVersion{}, &Missing{reference, "is not published", thereAre(index)}
	case index.Versions[at].Deleted():
		return contract.PublishedVersion{}, &Missing{
			reference, "is deleted, since " + index.Versions[at].DeletedAt.UTC().Format(time.RFC3339),
			again(index),
		}
	case reference.Digest != "" && index.Versions[at].Digest != reference.Digest:
		return contract.PublishedVersion{}, &Missing{Reference: reference, Reason: fmt.Sprintf(
			"is published with other content (%.12s) than was asked for (%.12s)", index.Versions[at].Digest, reference.Digest)}
	}
	return index.Versions[at], nil
}

// before is the version that was published last before another, of those that are
// not deleted; empty: there is none. Before a version that was never published
// they all are.
func before(index contract.Index, version string) string {
	found := ""
	var at, limit time.Time
	for _, v := range index.Versions {
		if v.Version == version {
			limit = v.PublishedAt
		}
	}
	for _, v := range index.Versions {
		if v.Version == version || v.Deleted() || !limit.IsZero() && v.PublishedAt.After(limit) || v.PublishedAt.Before(at) {
			continue
		}
		found, at = v.Version, v.PublishedAt
	}
	return found
}

// maxListed bounds the names that a message lists.
const maxListed = 8

// thereAre is the hint for a version that was never published.
func thereAre(index contract.Index) string {
	if index.Latest == "" {
		return "every version is deleted: publish this one"
	}
	return "there are " + versionList(index)
}

// again is the hint for a version that is deleted.
func again(index contract.Index) string {
	if index.Latest == "" {
		return "publish it again, or another version: none is left"
	}
	return "publish it again, or start another version: " + versionList(index)
}

// versionList lists the versions that are not deleted.
func versionList(index contract.Index) string {
	var names []string
	for _, v := range index.Versions {
		if !v.Deleted() {
			names = append(names, v.Version)
		}
	}
	if len(names) > maxListed {
		names = append(names[:maxListed], "…")
	}
	return strings.Join(names, ", ")
}

// unknown says that a name was never published, and which one was perhaps meant.
func (s Store) unknown(ctx context.Context, reference contract.Reference) error {
	missing := &Missing{Reference: reference, Reason: "is not published"}
	if s.Suggest == nil {
		return missing
	}
	entries, err := s.List(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name)
	}
	missing.Hint = s.Suggest(reference.Namespace+"/"+reference.Name, names)
	return missing
}

// Entry is one definition in a list of all.
type Entry struct {
	Name        string    `json:"name"` // namespace/name
	Latest      string    `json:"latest"`
	Versions    int       `json:"versions"`
	PublishedAt time.Time `json:"publishedAt"` // of the version published last
}

// List lists the definitions of which some version is not deleted, by name.
func (s Store) List(ctx context.Context) ([]Entry, error) {
	entries := []Entry{}
	var token []byte
	for {
		page, err := s.Client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query:    fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", contract.DefinitionIndex),
			PageSize: 500, NextPageToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, info := range page.GetExecutions() {
			e := Entry{Name: strings.TrimPrefix(info.GetExecution().GetWorkflowId(), contract.DefinitionIndex+"/")}
			memo := info.GetMemo().GetFields()
			for name, into := range map[string]any{
				contract.MemoLatest: &e.Latest, contract.MemoVersions: &e.Versions, contract.MemoPublished: &e.PublishedAt,
			} {
				if payload := memo[name]; payload != nil {
					// What cannot be read, such as an operator's own memo, stays empty.
					_ = s.converter().FromPayload(payload, into)
				}
			}
			if e.Latest != "" {
				entries = append(entries, e)
			}
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
			return entries, nil
		}
	}
}

// query asks an open workflow; one that has ended is as good as none.
func (s Store) query(ctx context.Context, id, name string, answer any) error {
	response, err := s.Client.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: id, QueryType: name, QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
	})
	if err != nil {
		return err
	}
	if response.QueryRejected != nil {
		return serviceerror.NewNotFound(id + " has ended")
	}
	return response.QueryResult.Get(answer)
}

func (s Store) converter() converter.DataConverter {
	if s.Converter == nil {
		return converter.GetDefaultDataConverter()
	}
	return s.Converter
}

func isNotFound(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}
