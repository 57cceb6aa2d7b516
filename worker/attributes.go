package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// ensureAttributes registers our search attributes in a configured namespace
// that lacks them. Without them no execution of ours can start there, so a
// worker that may not add them says what an administrator has to run.
func (s *service) ensureAttributes(ctx context.Context) error {
	missing, err := s.missingAttributes(ctx)
	if err != nil {
		return unreachable(fmt.Errorf("search attributes: %w", err), "")
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = s.client.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: s.namespace, SearchAttributes: missing,
	})
	if err != nil {
		return unreachable(fmt.Errorf("search attributes are missing and cannot be added: %w", err), attributesHint(s.namespace, missing))
	}
	return nil
}

// missingAttributes asks in two ways that are open to plain readers: with a SQL
// visibility store a namespace has aliases for generic columns, with
// Elasticsearch the cluster has the attributes themselves.
func (s *service) missingAttributes(ctx context.Context) (map[string]enumspb.IndexedValueType, error) {
	missing := maps.Clone(searchAttributes)
	namespace, err := s.client.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: s.namespace})
	if err != nil {
		return nil, err
	}
	for _, name := range namespace.GetConfig().GetCustomSearchAttributeAliases() {
		delete(missing, name)
	}
	cluster, err := s.client.GetSearchAttributes(ctx)
	if err != nil {
		return nil, err
	}
	for name := range cluster.GetKeys() {
		delete(missing, name)
	}
	return missing, nil
}

func attributesHint(namespace string, missing map[string]enumspb.IndexedValueType) string {
	var b strings.Builder
	fmt.Fprintf(&b, "let an administrator run: temporal operator search-attribute create --namespace %s", namespace)
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		fmt.Fprintf(&b, " --name %s --type %s", name, missing[name])
	}
	return b.String()
}
