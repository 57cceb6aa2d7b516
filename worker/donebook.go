package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"lazaret.dev/lazaret/worker/install"
)

// doneBook says when an operator last did what no program can find out. It is a
// file of the state folder, which its owner alone can write.
type doneBook struct {
	home  *install.Install
	Marks map[string]doneMark `json:"marks"` // by the item of a checklist
}

// doneMark is that something was done.
type doneMark struct {
	At time.Time `json:"at"`
	By string    `json:"by"` // the account, as the operating system knows it
	// Of is the SHA-256 of what it was done to, in hex; empty where that is nothing
	// in particular.
	Of string `json:"of,omitempty"`
}

const doneBookFile = "operations.json"

func (a *app) openDoneBook() (*doneBook, error) {
	home, err := install.Open(a.stateDir)
	if err != nil {
		return nil, installError(err)
	}
	b := &doneBook{home: home, Marks: map[string]doneMark{}}
	text, err := os.ReadFile(home.Path(doneBookFile))
	if errors.Is(err, os.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, fmt.Errorf("what was done: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(b); err != nil {
		return nil, invalid("move it away, and say again with lazaret doctor --done what was done", "%s: %w", home.Path(doneBookFile), err)
	}
	if b.Marks == nil {
		b.Marks = map[string]doneMark{}
	}
	return b, nil
}

// mark writes down that something was done now.
func (b *doneBook) mark(item, of string, at time.Time) error {
	b.Marks[item] = doneMark{At: at.UTC().Truncate(time.Second), By: account(), Of: of}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	if err := b.home.ReplaceFile(doneBookFile, append(text, '\n')); err != nil {
		return installError(err)
	}
	return nil
}

// account is who runs this process, and through whom.
func account() string {
	name := fmt.Sprint("uid ", os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if through := os.Getenv("SUDO_USER"); through != "" && through != name {
		name += " (sudo of " + through + ")"
	}
	return name
}

// noteDone writes down what a command itself has done, where there is a state
// folder. The command's own work is done: that it cannot be written down is said,
// and is no error.
func (a *app) noteDone(item, of string) {
	dir, err := a.statePath()
	if err == nil {
		_, err = os.Stat(dir)
	}
	if err != nil {
		return
	}
	b, err := a.openDoneBook()
	if err == nil {
		err = b.mark(item, of, time.Now())
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "warning: %s is not noted for lazaret doctor: %v\n", item, err)
	}
}
