package workflows

import (
	"cmp"
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// renewRegisterAfter bounds how many words one run of the register takes.
const renewRegisterAfter = 300

// maxRemembered releases are those by which a late word about an older state is known.
const maxReleasedHeld = 1000

// keepRegister is the one entity that knows all that is held. Workers follow it:
// they notice that its history has grown, and read it.
func keepRegister(ctx workflow.Context, state contract.Register) error {
	words := workflow.GetSignalChannel(ctx, contract.HeldSignal)
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.RegisterQuery, func() (contract.Register, error) { return state, nil },
		workflow.QueryHandlerOptions{Description: "all definitions in quarantine"})
	if err != nil {
		return err
	}
	taken := 0
	for {
		if err := showRegister(ctx, state); err != nil {
			return err
		}
		renew := func() bool {
			return words.Len() == 0 && (taken >= renewRegisterAfter || workflow.GetInfo(ctx).GetContinueAsNewSuggested())
		}
		if err := workflow.Await(ctx, func() bool { return words.Len() > 0 || renew() }); err != nil {
			return err
		}
		if renew() {
			return workflow.NewContinueAsNewError(ctx, contract.RegisterWorkflow, state)
		}
		for words.Len() > 0 {
			batch := receiveAll(words)
			taken += len(batch)
			var held []contract.Held
			if err := workflow.ExecuteLocalActivity(ledgerActivity(ctx), contract.ReadHeld, batch).Get(ctx, &held); err != nil {
				return err
			}
			for _, one := range held {
				state = heed(state, one)
			}
		}
	}
}

// heed takes a word over, unless a newer one about the same definition is known.
func heed(state contract.Register, word contract.Held) contract.Register {
	same := func(h contract.Held) bool { return h.Namespace == word.Namespace && h.Name == word.Name }
	for _, known := range slices.Concat(state.Held, state.Released) {
		if same(known) && known.Revision >= word.Revision {
			return state
		}
	}
	state.Held = slices.DeleteFunc(slices.Clone(state.Held), same)
	state.Released = slices.DeleteFunc(slices.Clone(state.Released), same)
	if contract.LedgerHolds(word.State) {
		state.Held = append(state.Held, word)
		slices.SortFunc(state.Held, func(a, b contract.Held) int {
			return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
		})
		return state
	}
	word.Digests, word.Scripts, word.Reason = nil, nil, ""
	state.Released = keepNewest(append(state.Released, word), maxReleasedHeld)
	return state
}

func showRegister(ctx workflow.Context, state contract.Register) error {
	text := fmt.Sprintf("%d definitions in quarantine\n\n", len(state.Held))
	for _, h := range state.Held {
		if len(text) > maxDetails {
			break
		}
		text += fmt.Sprintf("- %s/%s %s since %s: %s\n", h.Namespace, h.Name, h.State, h.Since.Format("2006-01-02 15:04:05"), markdownText(h.Reason))
	}
	workflow.SetCurrentDetails(ctx, text)
	return workflow.UpsertMemo(ctx, map[string]any{contract.MemoHeld: len(state.Held)})
}
