package definition

import (
	"fmt"
	"strings"
)

// maxCompared bounds the names that a suggestion is sought among, so that a
// document with many mistakes is still checked quickly.
const maxCompared = 100

// didYouMean is a hint with the known name nearest to name, or "" where none is near.
func didYouMean(name string, known []string) string {
	known = known[:min(len(known), maxCompared)]
	best, bestDistance := "", len(name)/3+2
	for _, k := range known {
		d := distance(strings.ToLower(name), strings.ToLower(k), bestDistance)
		if d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best == "" || best == name {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// distance is the number of edits between a and b, a swap of two neighbours
// counting as one; limit where it is not below.
func distance(a, b string, limit int) int {
	if len(a) > 100 || len(b) > 100 || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return min(last[len(b)], limit)
}

// maxListed bounds how many known names a message lists.
const maxListed = 8

// quotedList is names in quotes, in their order, cut where there are many.
func quotedList(names []string) string { return quotedSome(names, len(names)) }

// quotedSome is quotedList of the first of total names.
func quotedSome(names []string, total int) string {
	shown := names[:min(len(names), maxListed)]
	quoted := make([]string, len(shown))
	for i, name := range shown {
		quoted[i] = fmt.Sprintf("%q", preview(name))
	}
	list := strings.Join(quoted, ", ")
	if rest := total - len(shown); rest > 0 {
		list += fmt.Sprintf(" and %d more", rest)
	}
	return list
}

// Suggest is a hint with the known name nearest to name, or "" where none is near.
func Suggest(name string, known []string) string { return didYouMean(name, known) }
