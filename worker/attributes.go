package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
)

// ensureAttributes registers our search attributes in a configured namespace
// that lacks them. Without them no execution of ours can start there, so a
// worker that may not add them says what an administrator has to run.
func (a *app) ensureAttributes(ctx context.Context, s *service) error {
	existing, err := s.client.GetSearchAttributes(ctx)
	if err != nil {
		return unreachable(fmt.Errorf("search attributes: %w", err), "")
	}
	missing := maps.Clone(searchAttributes)
	for name := range existing.GetKeys() {
		delete(missing, name)
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

func attributesHint(namespace string, missing map[string]enumspb.IndexedValueType) string {
	var b strings.Builder
	fmt.Fprintf(&b, "let an administrator run: temporal operator search-attribute create --namespace %s", namespace)
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		fmt.Fprintf(&b, " --name %s --type %s", name, missing[name])
	}
	return b.String()
}
