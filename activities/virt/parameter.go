package virt

import "slices"

// Kind is the form of a value.
type Kind string

// The kinds of parameters.
const (
	Text    Kind = "text"    // printable, no control characters
	Name    Kind = "name"    // of a guest, pool, volume, network, snapshot: see CheckName
	UUID    Kind = "uuid"    // in the usual form with hyphens
	Integer Kind = "integer" // within Min and Max
	Boolean Kind = "boolean"
	Choice  Kind = "choice" // one of Values
	URI     Kind = "uri"    // of a libvirt host
	Data    Kind = "data"   // base64 of at most Max bytes
	XML     Kind = "xml"    // held against the structural allow-list
	Object  Kind = "object" // with Fields
	List    Kind = "list"   // of Items, at most Max
)

// Parameter is one argument of an operation, or a field of one.
type Parameter struct {
	Name     string
	Text     string
	Kind     Kind
	Required bool
	Default  any      // nil: absent unless given
	Min, Max int64    // Integer: the range; List: the most items; Data and Text: the most bytes
	Values   []string // Choice
	Fields   []Parameter
	Items    *Parameter
}

// The sizes that bound what one request may carry.
const (
	MaxText = 1 << 10
	MaxXML  = 1 << 20   // bytes of raw XML
	MaxData = 768 << 10 // bytes of one upload or download, so that its base64 fits one answer
	MaxWait = 3600      // seconds of a deadline
	MaxName = 255
)

// Amounts. Memory is in MiB and storage in bytes throughout.
const (
	maxMemory  = 16 << 20 // MiB: 16 TiB
	maxVCPUs   = 128
	maxStorage = 1 << 50 // bytes: 1 PiB
)

func required(p Parameter) Parameter { p.Required = true; return p }

// guest names a domain: by name, by UUID, or by both, which then must agree.
var guest = []Parameter{
	{Name: "name", Kind: Name, Text: "the guest's name"},
	{Name: "uuid", Kind: UUID, Text: "the guest's UUID; with a name both must mean the same guest"},
}

var (
	network  = Parameter{Name: "name", Kind: Name, Required: true, Text: "the network's name"}
	pool     = Parameter{Name: "pool", Kind: Name, Required: true, Text: "the storage pool's name"}
	volume   = Parameter{Name: "volume", Kind: Name, Required: true, Text: "the volume's name"}
	snapshot = Parameter{Name: "snapshot", Kind: Name, Required: true, Text: "the snapshot's name"}
	memory   = Parameter{Name: "memory", Kind: Integer, Min: 1, Max: maxMemory, Text: "memory in MiB"}
	vcpus    = Parameter{Name: "vcpus", Kind: Integer, Min: 1, Max: maxVCPUs, Text: "virtual processors"}
	capacity = Parameter{Name: "capacity", Kind: Integer, Required: true, Min: 1, Max: maxStorage, Text: "size in bytes"}
	format   = Parameter{Name: "format", Kind: Choice, Default: "qcow2", Values: []string{"qcow2", "raw"}, Text: "the format of the volume"}
	uuid     = Parameter{Name: "uuid", Kind: UUID, Text: "the UUID to give it; by default one made from the request"}
	live     = Parameter{Name: "live", Kind: Boolean, Default: true, Text: "change the running guest, if it runs"}
	config   = Parameter{Name: "config", Kind: Boolean, Default: true, Text: "change what the guest starts with next time"}
)

// deadline is how long an operation may wait for a guest, beyond its timeout.
func deadline(seconds int) Parameter {
	return Parameter{Name: "deadline", Kind: Integer, Default: int64(seconds), Min: 1, Max: MaxWait, Text: "seconds to wait for the guest"}
}

// with is the parameters of a guest's operation.
func with(more ...Parameter) []Parameter { return append(slices.Clip(guest), more...) }
