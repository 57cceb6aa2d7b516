package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// DeadLetter is a message that was not delivered, as it stands in the file: one
// JSON object a line.
type DeadLetter struct {
	At      time.Time `json:"at"`
	Target  string    `json:"target"`
	Error   string    `json:"error"`
	Message Message   `json:"message"`
}

// maxDeadLetters bounds the file, in bytes; the file before is kept beside it.
const maxDeadLetters = 10 << 20

type deadLetters struct {
	mu   sync.Mutex
	path string
}

func (d *deadLetters) write(one delivery, cause error, at time.Time) error {
	if d.path == "" {
		return nil
	}
	line, err := json.Marshal(DeadLetter{At: at.UTC(), Target: one.target.Name, Error: clean(cause.Error()), Message: one.message})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if info, err := os.Stat(d.path); err == nil && info.Size() > maxDeadLetters {
		if err := os.Rename(d.path, d.path+".1"); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(d.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Close())
}
