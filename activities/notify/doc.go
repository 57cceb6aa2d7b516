// Package notify tells people what they have to know of: by webhook, to Slack, by
// mail, or by a program of the operator's.
//
// A [Dispatcher] takes messages without making its caller wait, chooses targets by
// severity and rule, drops what was told already, counts what comes again within
// the cooldown instead of telling it, tries again, and writes what it cannot
// deliver to a file. Rules that fire only from a count on ([Threshold]) are counted
// here.
//
// What a message says may come from hostile programs: it is cut, made printable,
// searched for secrets, and never part of a header, a command line or markup.
package notify
