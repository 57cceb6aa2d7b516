package activities

import (
	"context"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/sources"
)

// FetchFunction fetches the document of a function, from where scripts may be
// fetched too.
func (p *Processes) FetchFunction(ctx context.Context, request contract.FunctionFetch) (contract.FetchedFunction, error) {
	return supply(ctx, p, func(ctx context.Context) (contract.FetchedFunction, error) {
		policy, err := p.policyFor(request.Task)
		if err != nil {
			return contract.FetchedFunction{}, err
		}
		scripts := p.scripts(policy)
		text, err := scripts.Fetcher.Fetch(ctx, request.URL, contract.MaxFunction)
		if err != nil {
			return contract.FetchedFunction{}, p.recorded(ctx, request.Task, policy, err)
		}
		return contract.FetchedFunction{Document: string(text), SHA256: sources.Digest(text), Policy: policy.PolicyDigest}, nil
	})
}
