package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// resolve finds the definition that a run.workflow task names: among those that
// came with the execution and the definition itself, else among the published.
func (e *execution) resolve(ctx workflow.Context, body *definition.RunWorkflow) (contract.Source, *definition.Definition, error) {
	var found contract.Source
	var best *definition.Definition
	for _, source := range append([]contract.Source{e.start.Definition}, e.start.Library...) {
		def, err := definitions.load(source)
		if err != nil {
			return contract.Source{}, nil, err
		}
		if body.Names(def.Document) && (best == nil || definition.CompareVersions(def.Document.Version, best.Document.Version) > 0) {
			found, best = source, def
		}
	}
	if best != nil {
		return found, best, nil
	}
	if workflow.GetVersion(ctx, publishedVersion, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return contract.Source{}, nil, configurationFault(fmt.Sprintf(
			"workflow %s/%s:%s is unknown here; hand it over with --definition FILE", body.Namespace, body.Name, body.Version))
	}
	return e.published(ctx, body)
}
