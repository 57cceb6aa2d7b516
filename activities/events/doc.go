// Package events is what workers do with events: it says who sent them, judges
// them by the operator's rules, hands them to the router, checks what was
// delivered, and posts to sinks. It takes CloudEvents over HTTP, too.
//
// The router, a workflow, counts and delivers; it knows no rules but those that
// come with each event from here, so that its history holds every verdict.
package events
