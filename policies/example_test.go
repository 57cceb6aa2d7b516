package policies_test

import (
	"fmt"

	"lazaret.dev/lazaret/policies"
)

// A grant holds for one execution, one level and the definitions it names, in
// any order.
func ExampleLevelGrant() {
	key := []byte("the installation's key")
	grant := policies.LevelGrant{
		Execution: "nightly-2026-11-22",
		Level:     policies.Standard,
		Digests:   []string{"digest of the parent", "digest of the child"},
	}
	signature := grant.Sign(key)

	grant.Digests = []string{"digest of the child", "digest of the parent"}
	fmt.Println(grant.Verify(key, signature))

	grant.Execution = "nightly-2026-11-23"
	fmt.Println(grant.Verify(key, signature))
	// Output:
	// true
	// false
}
