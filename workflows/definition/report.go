package definition

import (
	"encoding/json"
	"fmt"
	"io"
)

// WritePlain writes one finding a line, as compilers do, with its hint on a
// line below:
//
//	flow.yaml:7:5: error: task "x": unknown property "thne" [schema.unknown-property]
//	    hint: did you mean "then"?
func (fs Findings) WritePlain(w io.Writer) error {
	for _, f := range fs {
		_, err := fmt.Fprintf(w, "%s:%d:%d: %s: %s [%s]\n", f.File, f.Line, f.Column, f.Severity, f.Message, f.Rule)
		if err == nil && f.Hint != "" {
			_, err = fmt.Fprintf(w, "    hint: %s\n", f.Hint)
		}
		if err != nil {
			return fmt.Errorf("write findings: %w", err)
		}
	}
	return nil
}

// WriteJSON writes the findings as an array, also where there is none.
func (fs Findings) WriteJSON(w io.Writer) error {
	if fs == nil {
		fs = Findings{}
	}
	return writeIndented(w, fs)
}

func writeIndented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}
