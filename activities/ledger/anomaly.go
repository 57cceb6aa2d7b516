package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// observe counts what has happened to a definition, and returns a violation for each
// time that it becomes more than is usual by far (A13). It is recorded like those of
// programs.
func (a *Activities) observe(rate *contract.Baseline, effective policies.Effective, s contract.LedgerSummary, happened []contract.Violation, what string) ([]contract.Violation, error) {
	var odd []contract.Violation
	known := policies.Rate(*rate)
	for _, v := range slices.SortedFunc(slices.Values(happened), func(a, b contract.Violation) int { return a.At.Compare(b.At) }) {
		if v.Type == contract.MaliciousBehavior {
			continue
		}
		var begins bool
		if known, begins = effective.Anomaly.Observe(known, v.At); begins {
			odd = append(odd, anomaly(s, v, effective.Anomaly, known, what))
		}
	}
	*rate = contract.Baseline(known)
	for _, v := range odd {
		err := a.write(audit.Event{
			Kind: audit.Violation, Namespace: s.Namespace, Name: s.Name, Version: v.Version, Digest: v.Digest, Level: v.Level,
			Execution: v.Execution, Run: v.Run, Task: v.Task, ID: v.ID, Type: v.Type, Severity: v.Severity, Subject: v.Subject,
			Outcome: v.Action, Count: int64(v.Count), Policy: effective.PolicyDigest, Message: "anomaly: " + v.Subject,
		})
		if err != nil {
			return nil, err
		}
	}
	return odd, nil
}

// anomaly is the violation that begins with the last of many.
func anomaly(s contract.LedgerSummary, last contract.Violation, a policies.Anomaly, rate policies.Rate, what string) contract.Violation {
	id := sha256.Sum256(fmt.Appendf(nil, "anomaly %s/%s %s %d %d", s.Namespace, s.Name, what, rate.Since.UnixNano(), last.At.UnixNano()))
	v := last
	v.ID, v.Type, v.Severity, v.Subject = hex.EncodeToString(id[:16]), contract.MaliciousBehavior, a.Severity.String(), a.Describe(rate, what)
	v.Syscall, v.Count, v.Action, v.Ended, v.Activity = "", 1, "recorded", false, ""
	return v
}
