package worker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/expression"
)

// readInput resolves --input, or another flag that is given like it: JSON text, @file,
// or - for standard input. Empty means no input, which is null.
func (a *app) readInput(flag, arg string) (json.RawMessage, error) {
	name, text, err := a.inputText(flag, arg)
	if err != nil || text == nil {
		return nil, err
	}
	if _, err := expression.Decode(text); err != nil {
		return nil, invalid(fmt.Sprintf("the %[1]s is one JSON value, given as --%[1]s '{\"a\": 1}', --%[1]s @file or --%[1]s -", flag),
			"%s: %w", name, err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return nil, invalid("", "%s: %w", name, err)
	}
	return compact.Bytes(), nil
}

func (a *app) inputText(flag, arg string) (name string, text []byte, err error) {
	switch {
	case arg == "":
		return "", nil, nil
	case arg == "-" && a.stdinTaken:
		return "", nil, invalid("give one of them as a file: --input @input.json", "the definition was read from standard input, and --input - cannot be")
	case arg == "-":
		text, err = io.ReadAll(io.LimitReader(a.stdin, maxInputText))
		name = flag + " from stdin"
	case strings.HasPrefix(arg, "@"):
		text, err = os.ReadFile(arg[1:])
		name = flag + " " + arg[1:]
	default:
		name, text = flag, []byte(arg)
	}
	if err != nil {
		return name, nil, invalid("", "%s: %w", name, unwrapPath(err))
	}
	return name, text, nil
}

// maxInputText bounds what is read from stdin; it only has to be above what
// checkSize accepts, white space included.
const maxInputText = 64 << 20

// checkSize refuses a start that Temporal would refuse.
func checkSize(start contract.Start) error {
	data, err := json.Marshal(start)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if len(data) > contract.MaxPayload {
		return invalid("pass a reference to where the data is stored, or split the batch",
			"the definition with its input is %d bytes, over Temporal's payload limit (%d); the input alone is %d",
			len(data), contract.MaxPayload, len(start.Input))
	}
	return nil
}
