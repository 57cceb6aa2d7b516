package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lazaret.dev/lazaret/policies"
)

// operatorItem is one question of an operator's checklist. A program answers it
// with look; without, a person does, with doctor --done, and the answer grows old.
type operatorItem struct {
	List   string // deploy, periodic
	ID     string
	Text   string // what must be so, as a sentence
	Remedy string
	look   func(ctx context.Context, o *operator) itemAnswer
	// marked is the mark that the item needs too; empty: none. It is ID where look is nil.
	marked string
	// ages says that the mark grows old.
	ages bool
}

// itemAnswer is what look has found.
type itemAnswer struct {
	ok     bool
	detail string // what was found, or what is missing
	of     string // the digest of what a mark must be about; empty: of nothing in particular
}

func found(format string, args ...any) itemAnswer {
	return itemAnswer{ok: true, detail: fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) itemAnswer {
	return itemAnswer{detail: fmt.Sprintf(format, args...)}
}

// operatorItems are what is asked before lazaret is put to use (A49, C37), and
// what is asked again and again (A50, B70, C38).
func operatorItems() []operatorItem {
	return []operatorItem{
		{
			List: "deploy", ID: "service-user", Text: "The worker has an account of its own, not root's", look: lookAtUser,
			Remedy: "run it, and this command, as that account; or say --accept service-user",
		},
		{
			List: "deploy", ID: "file-permissions", Text: "Nobody else can write the state folder or the policy", look: lookAtFiles,
			Remedy: "chmod go-w what is named, and give it to the worker's account",
		},
		{
			List: "deploy", ID: "policy-review", Text: "A person has read the policy as it is now", look: lookAtPolicy, marked: "policy-review",
			Remedy: "have somebody who did not write it read it, with lazaret policy lint and explain; then: lazaret doctor --policy FILE --done policy-review",
		},
		{
			List: "deploy", ID: "least-operations", Text: "The policy permits nothing that lint finds too broad", look: lookAtBreadth,
			Remedy: "lazaret policy lint FILE says what, where and what to write instead",
		},
		{
			List: "deploy", ID: "audit-log", Text: "The audit log is kept, its own, and whole", look: lookAtAudit,
			Remedy: "lazaret audit verify says what is wrong; a worker that has run once has made the log",
		},
		{
			List: "deploy", ID: "log-retention", Text: "There is room for the audit log, which is kept 365 days and 90 files at most", look: lookAtRoom,
			Remedy: "make room, or put the log elsewhere with --audit-dir: on a full disk nothing runs",
		},
		{
			List: "deploy", ID: "backup", Text: "The audit log is backed up", marked: "backup", ages: true,
			Remedy: "lazaret audit backup --to FILE, daily (deploy/watch/lazaret-backup.timer)",
		},
		{
			List: "deploy", ID: "monitoring", Text: "A worker's metrics are served", look: lookAtMetrics,
			Remedy: "start the worker with --metrics-address, and have Prometheus scrape it with the rules of deploy/prometheus",
		},
		{
			List: "deploy", ID: "alerts", Text: "People are told of violations and quarantines", look: lookAtAlerts,
			Remedy: "give the policy targets, and each rule a notify; then: lazaret notify test --policy FILE",
		},
		{
			List: "deploy", ID: "firewall", Text: "A firewall lets only those in and out who must be", marked: "firewall",
			Remedy: "set it up; then: lazaret doctor --done firewall",
		},
		{
			List: "deploy", ID: "incident-plan", Text: "The policy names whom to call, and an incident was practised", look: lookAtContacts, marked: "incident-drill", ages: true,
			Remedy: "give the policy contacts; lazaret drill --reviewer NAME",
		},

		{
			List: "periodic", ID: "audit-review", Text: "The audit log was read", look: lookAtAudit, marked: "audit-review", ages: true,
			Remedy: "lazaret audit verify, lazaret audit tail --event violation --lines 0; then: lazaret doctor --done audit-review",
		},
		{
			List: "periodic", ID: "user-permissions", Text: "Who may submit, review and administer was gone through", marked: "user-permissions", ages: true,
			Remedy: "look at accounts, tokens and the policy's signers and reviewers; then: lazaret doctor --done user-permissions",
		},
		{
			List: "periodic", ID: "policy-update", Text: "The policy was brought up to date", marked: "policy-update", ages: true,
			Remedy: "lazaret policy lint FILE; then: lazaret doctor --done policy-update",
		},
		{
			List: "periodic", ID: "restore-test", Text: "A backup of the audit log was restored", marked: "restore-test", ages: true,
			Remedy: "lazaret audit restore FILE FOLDER, lazaret audit verify --audit-dir FOLDER",
		},
		{
			List: "periodic", ID: "monitoring-check", Text: "An alert was seen to arrive", marked: "monitoring-check", ages: true,
			Remedy: "lazaret notify test --policy FILE; then: lazaret doctor --done monitoring-check",
		},
		{
			List: "periodic", ID: "package-update", Text: "The machine's packages, the kernel and lazaret are current", marked: "package-update", ages: true,
			Remedy: "update and start again; then: lazaret doctor --done package-update",
		},
		{
			List: "periodic", ID: "incident-drill", Text: "An incident was practised", marked: "incident-drill", ages: true,
			Remedy: "lazaret drill --reviewer NAME",
		},
		{
			List: "periodic", ID: "security-tests", Text: "The security tests were run on this kernel", marked: "security-tests", ages: true,
			Remedy: "run the tests of the sources on such a machine; then: lazaret doctor --done security-tests",
		},
		{
			List: "periodic", ID: "user-guidelines", Text: "Authors know what scripts may do", marked: "user-guidelines", ages: true,
			Remedy: "hand them docs/author/scripts.md and your policy's limits; then: lazaret doctor --done user-guidelines",
		},
	}
}

// byHand are the marks that a person may set with --done, sorted.
func byHand() []string {
	var all []string
	for _, item := range operatorItems() {
		if item.marked != "" && !slices.Contains(all, item.marked) {
			all = append(all, item.marked)
		}
	}
	slices.Sort(all)
	return all
}

// operator is what the items are asked about.
type operator struct {
	app     *app
	policy  *policies.Policy // nil: none was named
	metrics string           // address
	maxAge  time.Duration
	now     time.Time
	book    *doneBook
	accept  []string
}

// answer goes through a list's items.
func (o *operator) answer(ctx context.Context, list string) []diagnosis {
	var all []diagnosis
	for _, item := range operatorItems() {
		if item.List == list {
			all = append(all, o.ask(ctx, item))
		}
	}
	return all
}

func (o *operator) ask(ctx context.Context, item operatorItem) diagnosis {
	d := diagnosis{Name: item.ID, List: item.List, Text: item.Text}
	a := found("")
	if item.look != nil {
		a = item.look(ctx, o)
	}
	if a.ok && item.marked != "" {
		a = o.marked(item, a)
	}
	if d.OK = a.ok; a.ok {
		d.Detail = a.detail
		return d
	}
	d.Error, d.Remedy = a.detail, item.Remedy
	if slices.Contains(o.accept, item.ID) {
		d.Optional, d.Accepted = true, true
	}
	return d
}

// marked looks whether somebody has done the item, lately and to what is there now.
func (o *operator) marked(item operatorItem, a itemAnswer) itemAnswer {
	mark, ok := o.book.Marks[item.marked]
	age := o.now.Sub(mark.At)
	day := mark.At.Format(time.DateOnly)
	switch {
	case !ok:
		return missing("nobody has said that it was done")
	case age < -time.Hour:
		return missing("done on %s, which is to come: the clock was wrong then or is now", day)
	case a.of != "" && mark.Of != a.of:
		return missing("it has changed since %s did it on %s", mark.By, day)
	case item.ages && age > o.maxAge:
		return missing("last done on %s by %s, %d days ago", day, mark.By, int(age.Hours()/24))
	}
	return found("%s", strings.TrimPrefix(a.detail+", done on "+day+" by "+mark.By, ", "))
}
