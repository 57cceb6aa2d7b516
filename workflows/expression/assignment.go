package expression

import "github.com/itchyny/gojq"

// Assigns tells whether an expression as a whole is an assignment, .a = 1, where people
// who mean a comparison have written it: its value is the changed data, and so true. src
// is as Compile takes it.
func Assigns(src string) bool {
	text, _ := unwrap(src)
	query, err := gojq.Parse(text)
	return err == nil && query.Op == gojq.OpAssign
}
