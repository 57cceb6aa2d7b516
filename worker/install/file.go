package install

import (
	"errors"
	"fmt"
	"os"
)

// ReplaceFile puts text into the file name of the state folder (0600). Readers
// see the old content or the new, never a part.
func (i *Install) ReplaceFile(name string, text []byte) error {
	if err := i.replace(name, text); err != nil {
		return &Error{Reason: fmt.Sprintf("file %q cannot be written", i.Path(name)), Err: err}
	}
	return nil
}

func (i *Install) replace(name string, text []byte) error {
	tmp, err := os.CreateTemp(i.dir, "."+name+"-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err := tmp.Write(text); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), i.Path(name))
}
