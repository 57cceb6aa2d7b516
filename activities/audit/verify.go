package audit

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strconv"
)

// Report is what Verify found.
type Report struct {
	Lines uint64 `json:"lines"`
	Files int    `json:"files"`
	First uint64 `json:"first"` // number of the oldest line that is kept
	Last  uint64 `json:"last"`
	Head  Head   `json:"head"` // the newest that the folder's key signed; keep it elsewhere
	// Notes are lines in which the log itself admits a loss: mended ends, gaps,
	// files at the end of their retention.
	Notes []Note `json:"notes,omitempty"`
}

// Note is a place in a log and what is said about it.
type Note struct {
	Place  string `json:"place"` // file:line
	Seq    uint64 `json:"seq,omitempty"`
	Reason string `json:"reason"`
}

// BadLine is Verify's error: the first line from which on the log is not what
// was written.
type BadLine struct{ Note }

func (b *BadLine) Error() string { return b.Place + ": " + b.Reason }

// Verify reads the folder's whole log and reports the first line that was
// changed, dropped, inserted, moved or cut off, as a *BadLine. The key is the one
// that signed the folder's heads; anchors are heads that were kept elsewhere, in
// any order. Other errors say that the log could not be read.
func Verify(dir string, key ed25519.PublicKey, anchors ...Head) (Report, error) {
	s, err := takeSnapshot(dir)
	if err != nil {
		return Report{}, err
	}
	defer s.close()
	head, signed, err := newestHead(s.head, key)
	if err != nil {
		return Report{}, err
	}
	v := &verifier{pins: map[uint64]string{}}
	for _, h := range append(anchors, head) {
		if h.Seq == 0 {
			continue
		}
		if !h.Verify(key) {
			return Report{}, &Error{Reason: fmt.Sprintf("the anchored head of line %d is not signed by this key", h.Seq), Hint: "name the key of this log"}
		}
		v.pins[h.Seq] = h.Hash
		v.newest = max(v.newest, h.Seq)
	}
	if !signed {
		return v.report, &Error{Reason: "the folder has no signed head", Hint: "restore " + headFile + " from a backup; without it a cut end cannot be seen"}
	}
	v.report.Head = head
	for i := range s.segments {
		v.report.Files++
		if err := s.scan(i, v.line); err != nil {
			return v.report, err
		}
	}
	return v.report, v.end()
}

// verifier walks a chain.
type verifier struct {
	report Report
	pins   map[uint64]string // hashes that are known from outside the lines
	newest uint64            // greatest number that was signed
	before Line
	hash   Hash
	place  string // of the line before
	start  *Line  // the first line, while what it follows is unproven
}

func (v *verifier) line(r raw) error {
	if !r.whole {
		return v.bad(r.place(), 0, "the line is not whole; opening the log to write mends it")
	}
	var line Line
	if err := json.Unmarshal(r.text, &line); err != nil {
		return v.bad(r.place(), 0, "not a line of the audit log: "+err.Error())
	}
	canonical, err := line.encode()
	if err != nil || string(canonical) != string(r.text) {
		return v.bad(r.place(), line.Seq, "the line was changed: it is not written as we write lines")
	}
	if err := v.follows(line, r.place()); err != nil {
		return err
	}
	v.before, v.hash, v.place = line, hashOf(r.text), r.place()
	if pin, ok := v.pins[line.Seq]; ok && pin != v.hash.String() {
		return v.bad(r.place(), line.Seq, "the line was changed: another one was signed")
	}
	v.note(line, r.place())
	v.report.Lines++
	v.report.Last = line.Seq
	return nil
}

// follows checks the line against the one before it.
func (v *verifier) follows(line Line, place string) error {
	if v.place == "" {
		v.report.First = line.Seq
		if line.Seq == 1 && line.Prev != (Hash{}).String() {
			return v.bad(place, line.Seq, "the first line of a chain follows none, but this one names one")
		}
		if line.Seq != 1 {
			v.start = &line
		}
		return nil
	}
	switch want := v.before.Seq + 1; {
	case line.Seq > want:
		return v.bad(place, line.Seq, fmt.Sprintf("lines %d to %d are missing before it", want, line.Seq-1))
	case line.Seq < want:
		return v.bad(place, line.Seq, fmt.Sprintf("line %d stands where line %d belongs: it was moved or repeated", line.Seq, want))
	case line.Prev != v.hash.String():
		return v.bad(v.place, v.before.Seq, fmt.Sprintf("the line was changed: line %d was written after another one", line.Seq))
	}
	return nil
}

// note takes in what a line admits.
func (v *verifier) note(line Line, place string) {
	switch line.Kind {
	case Pruned:
		seq, err := strconv.ParseUint(line.Detail["lastSeq"], 10, 64)
		if err == nil && v.start != nil && v.start.Seq == seq+1 && v.start.Prev == line.Detail["lastHash"] {
			v.start = nil
		}
	case Recovered, Gap:
	default:
		return
	}
	v.report.Notes = append(v.report.Notes, Note{Place: place, Seq: line.Seq, Reason: line.Message})
}

func (v *verifier) end() error {
	switch {
	case v.place == "":
		return v.bad(currentFile+":1", 0, fmt.Sprintf("the log is empty, but line %d was signed", v.newest))
	case v.report.Last < v.newest:
		return v.bad(v.place, v.report.Last, fmt.Sprintf("lines %d to %d were signed and are cut off after it", v.report.Last+1, v.newest))
	case v.start != nil:
		return v.bad(v.place, v.start.Seq, fmt.Sprintf("lines 1 to %d are missing, and no line says that they were deleted at the end of their retention", v.start.Seq-1))
	}
	return nil
}

func (v *verifier) bad(place string, seq uint64, reason string) error {
	return &BadLine{Note{Place: place, Seq: seq, Reason: reason}}
}
