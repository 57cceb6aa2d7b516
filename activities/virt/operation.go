package virt

import (
	"slices"
	"strings"
)

// Danger says what an operation can do at worst. Policies are written by it.
type Danger string

// The classes of danger, from none to much.
const (
	Harmless   Danger = "harmless"   // reads facts about hosts and guests
	Sensitive  Danger = "sensitive"  // reads what is inside a guest or secret about it
	Disruptive Danger = "disruptive" // interrupts a guest or changes a setting; can be undone
	Dangerous  Danger = "dangerous"  // makes, destroys or rewires guests, disks or networks
)

// Dangers are the classes in ascending order.
func Dangers() []Danger { return []Danger{Harmless, Sensitive, Disruptive, Dangerous} }

// Operation is one thing that can be asked of libvirt. Operations are data: the
// checks, the documentation, the schema of call: libvirt.<name> and the module
// for scripts are all made of them.
type Operation struct {
	Name       string
	Text       string // what it does, one sentence
	Parameters []Parameter
	Rules      []Rule
	Result     any // the zero value of the result's type
	Changes    bool
	Danger     Danger
	// Default says that a policy allows it unless it lists operations itself.
	Default bool
	// Privileged is a read that libvirt refuses on a read-only connection.
	Privileged bool
	// Waits says that the parameter "deadline" lengthens the timeout.
	Waits bool
}

// operations are all operations, by name.
var operations = slices.SortedFunc(slices.Values(slices.Concat(
	domainReads, domainPower, domainDefinitions, domainSettings, domainDevices,
	snapshots, hosts, networks, storage, volumes,
)), func(a, b Operation) int { return strings.Compare(a.Name, b.Name) })

// Operations are all operations, by name. The caller must not change them.
func Operations() []Operation { return operations }

// Find is the operation of that name.
func Find(name string) (Operation, bool) {
	at, ok := slices.BinarySearchFunc(operations, name, func(o Operation, name string) int { return strings.Compare(o.Name, name) })
	if !ok {
		return Operation{}, false
	}
	return operations[at], true
}

// parameter is the operation's parameter of that name.
func (o Operation) parameter(name string) (Parameter, bool) {
	for _, p := range o.Parameters {
		if p.Name == name {
			return p, true
		}
	}
	return Parameter{}, false
}
