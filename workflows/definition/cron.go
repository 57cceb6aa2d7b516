package definition

import (
	"errors"
	"strings"

	"github.com/robfig/cron/v3"
)

// Calendar is a set of moments to the minute: those whose every part is listed.
// Days of the week count from Sunday, 0.
type Calendar struct{ Minutes, Hours, Days, Months, Weekdays []int }

var cronParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// ParseCron reads a cron expression of five fields, or one such as @daily, as
// crontab(5) means it: with both a day of the month and a day of the week
// restricted, either is enough. The moments are those of any of the calendars.
func ParseCron(text string) ([]Calendar, error) {
	text = strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ="):
		return nil, errors.New("a time zone goes into metadata.schedule.timezoneName")
	case strings.HasPrefix(text, "@every"):
		return nil, errors.New("an interval goes into schedule.every")
	}
	parsed, err := cronParser.Parse(text)
	if err != nil {
		return nil, err
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New("it names no calendar")
	}
	whole := Calendar{
		Minutes: bits(spec.Minute, 59), Hours: bits(spec.Hour, 23), Days: bits(spec.Dom, 31), Months: bits(spec.Month, 12), Weekdays: bits(spec.Dow, 6),
	}
	if everyDay := spec.Dom&anyValue != 0 || spec.Dow&anyValue != 0; everyDay {
		return []Calendar{whole}, nil
	}
	byDate, byWeekday := whole, whole
	byDate.Weekdays, byWeekday.Days = bits(^uint64(0), 6), bits(^uint64(1), 31)
	return []Calendar{byDate, byWeekday}, nil
}

// anyValue is the bit by which the parser marks a field that is a star.
const anyValue = 1 << 63

func bits(set uint64, last int) []int {
	var all []int
	for i := range last + 1 {
		if set&(1<<i) != 0 {
			all = append(all, i)
		}
	}
	return all
}
