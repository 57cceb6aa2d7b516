package expression

// closest returns the name that differs from the wrong one by a slip of the
// fingers: at most two edits, fewer than half of it. "" when there is none.
func closest(wrong string, names []string) string {
	best, found := "", 3
	for _, name := range names {
		if d := distance(wrong, name); d < found && 2*d < max(len(name), 2) {
			best, found = name, d
		}
	}
	return best
}

// distance is the number of edits between two names, swaps of neighbours counting two.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
