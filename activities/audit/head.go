package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lazaret.dev/lazaret/activities/contract"
)

const headFile = "audit.head"

// Head is the newest line of a log, signed. Whoever keeps a head elsewhere can
// prove later that the log up to it is the same, and that nothing was cut off.
type Head = contract.AuditHead

func signHead(key ed25519.PrivateKey, seq uint64, hash Hash, at time.Time) Head {
	h := Head{Seq: seq, Hash: hash.String(), Time: at.UTC()}
	h.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, h.Message()))
	return h
}

// The head file has two slots, written in turn: when a write is torn by a power
// cut, the slot before is whole.
const headSlot = 512

func writeHead(file *os.File, h Head) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if len(text) >= headSlot {
		return fmt.Errorf("head of %d bytes does not fit its slot", len(text))
	}
	slot := bytes.Repeat([]byte{' '}, headSlot)
	copy(slot, text)
	slot[headSlot-1] = '\n'
	_, err = file.WriteAt(slot, int64(h.Seq%2)*headSlot)
	return err
}

// newestHead returns the newest head in a head file's text that the key signed.
// The boolean is false when the text holds none.
func newestHead(text []byte, key ed25519.PublicKey) (Head, bool, error) {
	var newest Head
	for slot := range bytes.SplitSeq(text, []byte("\n")) {
		var h Head
		if json.Unmarshal(bytes.Trim(slot, " \x00"), &h) == nil && h.Verify(key) && h.Seq > newest.Seq {
			newest = h
		}
	}
	if newest.Seq == 0 && len(bytes.Trim(text, " \x00\n")) > 0 {
		return Head{}, false, &Error{
			Reason: headFile + " is not signed by this log's key",
			Hint:   "the file or the key was replaced; compare with an anchored head",
		}
	}
	return newest, newest.Seq > 0, nil
}

// readHeadFile returns the text of the folder's head file, empty without one.
func readHeadFile(dir string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, headFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}
