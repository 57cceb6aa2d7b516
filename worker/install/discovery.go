package install

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Kind says what runs the server.
type Kind string

// The kinds of server.
const (
	// Up serves until it is stopped; others may rely on it.
	Up Kind = "up"
	// Run serves one execution and goes away with it.
	Run Kind = "run"
)

// Discovery is what up.json says about the running server.
type Discovery struct {
	PID int `json:"pid"`
	// Address is Temporal's, host:port.
	Address string `json:"address"`
	// UIAddress is the Web UI's, host:port; empty without a UI.
	UIAddress string `json:"uiAddress,omitempty"`
	// PayloadKeys is the file of the keys that payloads are sealed with; empty
	// when they are not.
	PayloadKeys    string    `json:"payloadKeys,omitempty"`
	ServerVersion  string    `json:"serverVersion"`
	ProductVersion string    `json:"productVersion"`
	StartedAt      time.Time `json:"startedAt"`
	Kind           Kind      `json:"kind"`
	// Stopped says that a person has stopped it: nobody need wait for another.
	Stopped bool `json:"stopped,omitempty"`
}

const discoveryFile = "up.json"

// Announce publishes d in up.json. Only the holder of the lock may call it.
func (i *Install) Announce(d Discovery) error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return &Error{Reason: "discovery file cannot be encoded", Err: err}
	}
	return i.ReplaceFile(discoveryFile, append(text, '\n'))
}

// Withdraw removes up.json. Only the holder of the lock may call it.
func (i *Install) Withdraw() error {
	err := os.Remove(i.Path(discoveryFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &Error{Reason: "discovery file cannot be removed", Err: err}
	}
	return nil
}

// Stopped tells whether was, which runs no more, has left word that a person stopped it.
func (i *Install) Stopped(was Discovery) bool {
	text, err := os.ReadFile(i.Path(discoveryFile))
	var d Discovery
	return err == nil && json.Unmarshal(text, &d) == nil && d.Stopped && d.PID == was.PID && d.StartedAt.Equal(was.StartedAt)
}

// Running returns where the live server of this folder listens. The boolean is
// false when there is none: nobody holds the lock, its holder has not announced
// itself (yet), or the file was left by a process that is gone.
func (i *Install) Running() (Discovery, bool, error) {
	pid, held, err := i.lockHolder()
	if err != nil || !held {
		return Discovery{}, false, err
	}
	text, err := os.ReadFile(i.Path(discoveryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Discovery{}, false, nil
	}
	if err != nil {
		return Discovery{}, false, &Error{Reason: "discovery file cannot be read", Err: err}
	}
	d, ok := liveAnnouncement(text, pid)
	return d, ok, nil
}

// liveAnnouncement reads what the lock's holder pid announced. An unreadable
// text, or one by another process, is a leftover; so is what one has left for good.
func liveAnnouncement(text []byte, pid int) (Discovery, bool) {
	var d Discovery
	if json.Unmarshal(text, &d) != nil || d.PID != pid || d.Stopped || !alive(pid) {
		return Discovery{}, false
	}
	return d, true
}

// alive reports whether process pid exists, be it ours or another user's.
func alive(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || errors.Is(err, unix.EPERM)
}
