package expression

import "testing"

func TestAssigns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`.a = 1`:        true,
		`${ .a = "x" }`: true,
		`.a == 1`:       false,
		`.a |= 1`:       false,
		`(.a = 1) | .a`: false,
		`.a = `:         false,
		``:              false,
	} {
		if got := Assigns(text); got != want {
			t.Errorf("Assigns(%q) = %t", text, got)
		}
	}
}
