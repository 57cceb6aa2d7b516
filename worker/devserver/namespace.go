//go:build !nodevserver

package devserver

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"lazaret.dev/lazaret/worker/install"
)

// ensureNamespace brings the namespace of an older database up to what o asks
// for. Pre-registration does nothing to a namespace that exists.
func ensureNamespace(ctx context.Context, conn *grpc.ClientConn, o Options) error {
	if err := ensureRetention(ctx, workflowservice.NewWorkflowServiceClient(conn), o.Retention); err != nil {
		return fmt.Errorf("retention of namespace %q: %w", install.Namespace, err)
	}
	if err := ensureAttributes(ctx, conn, o.SearchAttributes); err != nil {
		return fmt.Errorf("search attributes of namespace %q: %w", install.Namespace, err)
	}
	return nil
}

func ensureRetention(ctx context.Context, service workflowservice.WorkflowServiceClient, want time.Duration) error {
	found, err := service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: install.Namespace})
	if err != nil {
		return err
	}
	if found.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() == want {
		return nil
	}
	_, err = service.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: install.Namespace,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(want)},
	})
	return err
}

// ensureAttributes adds the attributes that are missing and waits until they can
// be used: the services learn of them when they next refresh the namespace.
func ensureAttributes(ctx context.Context, conn *grpc.ClientConn, want map[string]enumspb.IndexedValueType) error {
	operator := operatorservice.NewOperatorServiceClient(conn)
	found, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: install.Namespace})
	if err != nil {
		return err
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, kind := range want {
		switch have, ok := found.GetCustomAttributes()[name]; {
		case !ok:
			missing[name] = kind
		case have != kind:
			return fmt.Errorf("%s is registered as %s, want %s", name, have, kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: install.Namespace, SearchAttributes: missing,
	})
	if err != nil {
		return err
	}
	return awaitAttributes(ctx, workflowservice.NewWorkflowServiceClient(conn), missing)
}

// awaitAttributes asks for executions by each of the new attributes until the
// server knows them all.
func awaitAttributes(
	ctx context.Context, service workflowservice.WorkflowServiceClient, added map[string]enumspb.IndexedValueType,
) error {
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for name := range added {
		for {
			_, err := service.CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
				Namespace: install.Namespace, Query: name + " IS NULL",
			})
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s: %w", name, err)
			case <-poll.C:
			}
		}
	}
	return nil
}
