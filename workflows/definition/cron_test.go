package definition

import (
	"slices"
	"testing"
)

// TestParseCron holds the calendars that the fields mean, as crontab(5) has it.
func TestParseCron(t *testing.T) {
	for text, want := range map[string]int{ // moments in a week that begins on Sunday, the 1st of a month
		"0 2 * * *":             7,
		"*/15 9-17 * * MON-FRI": 4 * 9 * 5,
		"@daily":                7,
		"0 0 * * 0":             1,
		"0 0 1 * *":             1,
		"0 0 1 * 5":             2, // either
		"0 0 2,3 * FRI":         3,
		"30 4 */2 * *":          4,
	} {
		calendars, err := ParseCron(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		equal(t, want, momentsOf(calendars))
	}
	for text, want := range map[string]string{
		"":                           "empty spec string",
		"0 2 * *":                    "expected exactly 5 fields, found 4: [0 2 * *]",
		"0 0 2 * * *":                "expected exactly 5 fields, found 6: [0 0 2 * * *]",
		"61 * * * *":                 "end of range (61) above maximum (59): 61",
		"@every 1h":                  "an interval goes into schedule.every",
		"TZ=Europe/Berlin 0 2 * * *": "a time zone goes into metadata.schedule.timezoneName",
	} {
		_, err := ParseCron(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func momentsOf(calendars []Calendar) int {
	found := map[[3]int]bool{}
	for _, c := range calendars {
		for day := 1; day <= 7; day++ {
			if !slices.Contains(c.Days, day) || !slices.Contains(c.Weekdays, day-1) {
				continue
			}
			for _, hour := range c.Hours {
				for _, minute := range c.Minutes {
					found[[3]int{day, hour, minute}] = true
				}
			}
		}
	}
	return len(found)
}
