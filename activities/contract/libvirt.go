package contract

import "encoding/json"

// LibvirtPrefix begins the activity types of operations: libvirt.domain.start.
const LibvirtPrefix = "libvirt."

// LibvirtLost is the error of an operation whose answer got lost; Temporal asks
// again, which changes nothing twice.
const LibvirtLost = "LibvirtLost"

// Libvirt asks for one operation on virtual machines.
type Libvirt struct {
	Task      TaskID          `json:"task"`
	Operation string          `json:"operation"`
	URI       string          `json:"uri,omitempty"` // the policy's first when empty
	With      json.RawMessage `json:"with"`          // an object
	// Approval is a person's decision about it, once there is one.
	Approval *LibvirtApproval `json:"approval,omitempty"`
}

// LibvirtResult is what the operation found or did.
type LibvirtResult struct {
	Result json.RawMessage `json:"result"`
	Policy string          `json:"policy,omitempty"` // digest of the policy that decided
}

// LibvirtProgress is the detail of an operation's heartbeats.
type LibvirtProgress struct {
	Text    string  `json:"text,omitempty"`
	Percent float64 `json:"percent,omitempty"`
	// Resolved is the UUID of the guest; a retry works on that one.
	Resolved string `json:"resolved,omitempty"`
}
