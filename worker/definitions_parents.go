package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/published"
	"lazaret.dev/lazaret/workflows/definition"
)

// parentsTimeout bounds the look at what else is published.
const parentsTimeout = 10 * time.Second

// warnOfParents names the tasks of published definitions that run a version which is
// deleted, and find no other.
func (a *app) warnOfParents(ctx context.Context, s *session, deleted contract.Reference) {
	ctx, cancel := context.WithTimeout(ctx, parentsTimeout)
	defer cancel()
	if err := s.eachParent(ctx, deleted, func(parent contract.Reference, t *definition.Task) {
		body := t.Body.(*definition.RunWorkflow)
		fmt.Fprintf(a.stderr, "warning: %s faults from now on at task %q (%s), which runs %s/%s:%s\n",
			parent, t.Name, t.Reference, body.Namespace, body.Name, body.Version)
	}); err != nil {
		fmt.Fprintf(a.stderr, "warning: whether a published definition runs %s could not be seen of all: %v\n", deleted, err)
	}
}

// eachParent calls do for each task of a published definition that can run nothing
// any more, since a version is deleted.
func (s *session) eachParent(ctx context.Context, deleted contract.Reference, do func(contract.Reference, *definition.Task)) error {
	store := s.store()
	left, err := store.Index(ctx, deleted.Namespace, deleted.Name)
	if err != nil {
		return err
	}
	entries, err := store.List(ctx)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, err := parseReference(e.Name)
		if err != nil {
			continue // not one of ours
		}
		if err := eachSource(ctx, store, name, func(parent contract.Reference, def *definition.Definition) {
			def.Walk(func(t *definition.Task) {
				body, ok := t.Body.(*definition.RunWorkflow)
				if ok && body.Namespace == deleted.Namespace && body.Name == deleted.Name &&
					(body.Version == deleted.Version || body.Version == contract.Latest && left.Latest == "") {
					do(parent, t)
				}
			})
		}); err != nil {
			return err
		}
	}
	return nil
}

// eachSource calls do for each version of a published definition that can be started.
func eachSource(ctx context.Context, store published.Store, name contract.Reference, do func(contract.Reference, *definition.Definition)) error {
	index, err := store.Index(ctx, name.Namespace, name.Name)
	if err != nil {
		return notMissing(err)
	}
	for _, v := range index.Versions {
		if v.Deleted() {
			continue
		}
		name.Version = v.Version
		resolved, err := store.Resolve(ctx, name)
		if notMissing(err) != nil {
			return err
		}
		// What is not there has no document.
		if def, err := definition.ParseBegun(resolved.Source.File, []byte(resolved.Source.Document)); err == nil {
			do(name, def)
		}
	}
	return nil
}

// notMissing is the error, unless it says that something is not there any more.
func notMissing(err error) error {
	if _, gone := errors.AsType[*published.Missing](err); gone {
		return nil
	}
	return err
}
