package contract

import (
	"encoding/json"
	"time"
)

// LibvirtAwaits is the error of an operation that a person must approve first; its
// detail is an Approvable.
const LibvirtAwaits = "LibvirtAwaitsApproval"

// The Updates by which a person decides about what an execution waits for. They
// take a Decision.
const (
	ApproveUpdate = "approve"
	RejectUpdate  = "reject"
)

// AwaitingApproval is the state of an execution, and of its task, that waits for a
// person.
const AwaitingApproval = "awaiting approval"

// Approvable is what waits for a person, and all that the person is to see of it.
type Approvable struct {
	Task      string          `json:"task"` // reference
	Operation string          `json:"operation"`
	URI       string          `json:"uri"`
	With      json.RawMessage `json:"with"` // as the broker understood it, with defaults
	Danger    string          `json:"danger"`
	Digest    string          `json:"digest"` // of all this, and of on whose behalf
	Asked     string          `json:"asked"`  // which time it is asked for
	Until     time.Time       `json:"until"`  // it is given up then
	// Within is how long it may wait; of the policy.
	Within time.Duration `json:"within"`
}

// Decision is a person's word about one Approvable.
type Decision struct {
	Digest   string `json:"digest"`         // as it was shown
	Task     string `json:"task,omitempty"` // its task, to be sure
	Reviewer string `json:"reviewer"`
	Reason   string `json:"reason"`
	By       string `json:"by,omitempty"` // who sent it, as their machine knows them
}

// LibvirtApproval is a decision on its way to the broker.
type LibvirtApproval struct {
	Digest   string `json:"digest"`
	Asked    string `json:"asked"`
	Reviewer string `json:"reviewer"`
	Reason   string `json:"reason"`
	By       string `json:"by,omitempty"`
	Update   string `json:"update"` // id of the Update, whose event says who was let in
	Rejected bool   `json:"rejected,omitempty"`
}
