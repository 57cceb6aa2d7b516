package definition

import (
	"slices"
	"strings"
)

// Rule is a kind of finding. Its name never changes once released: people
// filter by it.
type Rule struct {
	Name string // a name that ends in ".*" stands for all that begin so
	Text string // what the rule asks of a document
}

// rules are all kinds of finding, by name.
var rules = []Rule{
	{"authentication.incomplete", "An authentication has what its scheme needs."},
	{"call.agent", "A call of an agent says where the agent is."},
	{"call.amount", "A subscription that counts its messages takes at least one."},
	{"call.authentication", "An authentication is one that the call's protocol can carry."},
	{"call.header", "A header of a call is one that the worker does not set itself."},
	{"call.method", "The method of a call is one that HTTP can carry."},
	{"call.parameters", "The parameters of a call are an object with what its method needs."},
	{"call.port", "A port is one that a service can be reached at."},
	{"call.uri", "A call goes to an HTTP URL, whose template holds names alone."},
	{"catch.filter", "An error filter names properties that errors have."},
	{"catch.literal", "An error filter holds no expression."},
	{"document.unknown-key", "A top-level property is one that the language knows."},
	{"duration.calendar", "A duration has a fixed length: weeks or less, not years or months."},
	{"duration.invalid", "A duration is an ISO 8601 duration."},
	{"duration.negative", "A duration is not negative."},
	{"duration.range", "A duration is shorter than 292 years."},
	{"error.status", "The status of an error is between 100 and 599."},
	{"event.attribute", "An attribute of an event has a name that CloudEvents allow, and that is not the worker's own."},
	{"event.pattern", "An attribute that looks like a regular expression is one."},
	{"expression.assignment", "A condition compares, and does not assign."},
	{"expression.invalid", "A runtime expression compiles, and names only variables that are bound where it stands."},
	{"expression.literal", "A text that looks like an expression is one."},
	{"expression.size", "All expressions together are of a size that compiles quickly."},
	{"fork.empty", "A fork has a branch."},
	{"function.source", "A function that is elsewhere has a written-out HTTPS URL."},
	{"libvirt.argument", "An argument of an operation on virtual machines is one that it takes, and of its kind."},
	{"libvirt.operation", "An operation on virtual machines is one that there is."},
	{"listen.empty", "A listen that awaits all of its filters has one."},
	{"metadata.twice", "A setting in metadata is written in one of its two forms."},
	{"metadata.unknown-setting", "A setting in metadata below python or script is one that is read."},
	{"policy.*", "The operator's policy permits what the definition asks for."},
	{"python.exclusive", "Python packages are listed, or come from a requirements file."},
	{"python.packages", "A Python package is a name with version specifiers."},
	{"python.requirements", "A requirements file is fetched over HTTPS."},
	{"python.version", "A Python version is a text such as 3.11, in quotes."},
	{"reference.unknown", "A name that refers to use is defined there."},
	{"retry.count", "A retry count is at least one."},
	{"retry.endless", "Something ends the retries."},
	{"retry.jitter", "A jitter does not end before it begins."},
	{"run.workflow.dynamic", "The workflow to run is written out."},
	{"run.return", "What a process returns is asked of a process."},
	{"schedule.cron", "A cron expression has five fields, each within its range."},
	{"schedule.interval", "A time between starts is written out, in whole seconds."},
	{"schedule.kinds", "A schedule has one of every, cron, after and on."},
	{"schedule.manual", "A schedule is applied by a command of its own, not by running the definition."},
	{"schedule.pause", "A pause on failure needs an overlap policy under which Temporal sees how executions end."},
	{"schedule.policy", "How a schedule is kept is said in Temporal's words."},
	{"schedule.read", "What is read of events needs the events."},
	{"schema.choice", "Only one of several alternatives is there."},
	{"schema.empty", "A list, object or string that needs content has some."},
	{"schema.enum", "A value is one of those that the language lists."},
	{"schema.format", "A string has the form that the language asks for."},
	{"schema.inline", "A schema in the document is a valid JSON Schema that refers to nothing outside itself."},
	{"schema.invalid", "The document fits the language's schema."},
	{"schema.not-allowed", "A property stands only where it means something."},
	{"schema.range", "A number is within its bounds."},
	{"schema.required", "A required property is there."},
	{"schema.single", "An object that holds one thing has one property."},
	{"schema.type", "A value has the JSON type that the language asks for."},
	{"schema.unknown-property", "A property is one that the language knows."},
	{"script.pin", "A script's pin is a SHA-256 in hex."},
	{"script.source", "A script is fetched over HTTPS."},
	{"secret.dynamic", "A secret is read by its name."},
	{"secret.place", "A secret is read only where its value is not recorded."},
	{"secret.plain", "No secret is written out."},
	{"secret.undeclared", "A secret that is read is declared in use.secrets."},
	{"switch.default", "A switch has one default at most."},
	{"syntax.*", "The text is one YAML 1.2 or JSON document within the bounds."},
	{"task.duplicate", "The tasks of a list have different names."},
	{"task.kind", "A task has a kind."},
	{"task.kinds", "A task has one kind only."},
	{"task.name", "The name of a task is one that then can lead to."},
	{"task.unreachable", "Some flow leads to every task."},
	{"then.branch", "A branch of a fork does not lead to another."},
	{"then.unknown", "A flow directive names a task of the same list."},
	{"unsupported.*", "The document uses only what this version runs."},
	{"unused.*", "A reusable part is used and has an effect."},
	{"variable.duplicate", "Two variables of a loop have different names."},
	{"variable.invalid", "A variable's name is one that expressions can write."},
	{"variable.reserved", "A variable does not hide one of the language."},
}

// Rules are all kinds of finding, by name.
func Rules() []Rule { return slices.Clone(rules) }

// describeRule is what the rule named name asks, or the name itself.
func describeRule(name string) string {
	for _, rule := range rules {
		if prefix, family := strings.CutSuffix(rule.Name, "*"); rule.Name == name || family && strings.HasPrefix(name, prefix) {
			return rule.Text
		}
	}
	return name
}
