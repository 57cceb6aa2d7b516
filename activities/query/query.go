// Package query asks workflows where they stand.
package query

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// attempts bounds how often one question is put.
const attempts = 3

// Workflow puts a question to an execution, and decodes the answer into result.
//
// A question that a worker's replay failed on is put again. Where the worker has
// not the execution in memory, the server gives it history from after the
// execution's latest step with the mark of before it, and the SDK finds an honest
// workflow nondeterministic (TMPRL1100, temporalio/sdk-go issue 755): of a router
// that events go through, it misses the signals that updates have sent. Only
// questions meet that, since an execution has one workflow task at a time.
func Workflow(ctx context.Context, c client.Client, id, name string, result any) error {
	value, err := c.QueryWorkflow(ctx, id, "", name)
	for range attempts - 1 {
		if _, failed := errors.AsType[*serviceerror.QueryFailed](err); !failed {
			break
		}
		value, err = c.QueryWorkflow(ctx, id, "", name)
	}
	if err != nil {
		return err
	}
	return value.Get(result)
}
