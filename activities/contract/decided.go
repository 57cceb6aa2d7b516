package contract

// Decided is what an activity gives that has nothing to tell but under which policy it
// was carried out.
type Decided struct {
	Policy string `json:"policy,omitempty"` // digest of the policy that decided
}
