package activities

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"golang.org/x/text/unicode/norm"

	"lazaret.dev/lazaret/activities/contract"
)

// MaxDepth is how many lists and maps may nest in the value of one argument.
const MaxDepth = 10

// DepthExceeded begins the detail of CheckArguments' error about the depth.
const DepthExceeded = "Maximum nesting depth exceeded"

// CheckArguments refuses arguments that nest too deep (B22), and names of a
// map's members that cannot be variables of a Python script (B47). Values are
// data, whatever they spell. Its error is a *contract.Fault.
func CheckArguments(language string, arguments json.RawMessage) error {
	if len(arguments) == 0 {
		return nil
	}
	names, err := argumentNames(arguments)
	if err != nil || language != "python" {
		return err
	}
	for _, name := range names {
		if problem := variableProblem(name, names); problem != "" {
			return configurationFault("argument %q cannot be a Python variable: it %s", name, problem)
		}
	}
	return nil
}

// argumentNames walks through all of the arguments, which a list has no names of.
func argumentNames(arguments json.RawMessage) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(arguments))
	d.UseNumber()
	var names []string
	depth, member := 0, false // member: the next text at depth 1 is a name
	for isMap := bytes.HasPrefix(bytes.TrimLeft(arguments, " \t\r\n"), []byte("{")); ; {
		token, err := d.Token()
		if err == io.EOF {
			return names, nil
		}
		if err != nil {
			return nil, configurationFault("arguments: %v", err)
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > MaxDepth+1 {
				return nil, configurationFault("%s: arguments may nest %d deep", DepthExceeded, MaxDepth)
			}
			member = isMap && depth == 1
			continue
		case json.Delim('}'), json.Delim(']'):
			depth--
			member = isMap && depth == 1
			continue
		}
		if !isMap || depth != 1 {
			continue
		}
		if name, ok := token.(string); ok && member {
			names = append(names, name)
		}
		member = !member
	}
}

// variableProblem says why a name cannot be a variable, or "".
func variableProblem(name string, all []string) string {
	normal := norm.NFKC.String(name)
	switch {
	case name == "":
		return "is empty"
	case !isIdentifier(name):
		return "is no identifier"
	case slices.Contains(keywords, name):
		return "is a keyword"
	case isDunder(name):
		return "belongs to the interpreter"
	case normal != name && slices.Contains(all, normal):
		return fmt.Sprintf("is the same as %q to Python", normal)
	case normal != name:
		return fmt.Sprintf("is read as %q by Python; write it so", normal)
	}
	return ""
}

// ArgumentNames are the names by which a script finds its arguments.
func ArgumentNames(request contract.Process) []string {
	names, _ := argumentNames(request.Arguments)
	return names
}
