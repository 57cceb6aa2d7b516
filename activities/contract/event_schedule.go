package contract

import "time"

// EventSchedule is the workflow type of the entity that starts a definition by
// its schedule.on.
const EventSchedule = "lazaret.schedule"

// What an event schedule is asked. Each update answers once it stands in
// history; what it changes is in effect a moment later.
const (
	ApplySchedule  = "apply"    // takes AppliedSchedule, returns EventScheduleInfo
	PauseSchedule  = "pause"    // takes the note
	ResumeSchedule = "resume"   // takes the note
	DeleteSchedule = "delete"   // the entity ends; what it has started goes on
	ScheduleQuery  = "schedule" // returns EventScheduleInfo
)

// EventScheduleID is the workflow id of a definition's event schedule.
func EventScheduleID(namespace, name string) string {
	return EventSchedule + "/" + namespace + "." + name
}

// AppliedSchedule is the definition that an event schedule starts.
type AppliedSchedule struct {
	Source
	Note string `json:"note,omitempty"` // of a new schedule
}

// EventScheduleInfo says how an event schedule stands.
type EventScheduleInfo struct {
	Definition string `json:"definition"` // namespace/name
	Version    string `json:"version"`
	Digest     string `json:"digest"`
	Result     string `json:"result,omitempty"` // of apply: created, updated, unchanged
	Paused     bool   `json:"paused,omitempty"`
	Note       string `json:"note,omitempty"`
	// Listening: events are delivered to it.
	Listening bool `json:"listening"`
	Started   int  `json:"started"`
	// Begun counts the sets of events that are not complete.
	Begun int `json:"begun,omitempty"`
	// Dropped counts the sets that were given up, for what LastError says.
	Dropped   int          `json:"dropped,omitempty"`
	LastError string       `json:"lastError,omitempty"`
	Recent    []EventStart `json:"recent,omitempty"` // the newest last
}

// EventStart is one execution that events have started.
type EventStart struct {
	Time   time.Time `json:"time"`
	ID     string    `json:"id"`
	Events int       `json:"events"`
}
