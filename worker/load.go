package worker

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// bundle is a definition with those that it may run.
type bundle struct {
	def     *definition.Definition
	source  contract.Source
	library []contract.Source
	needed  []needed
}

// load reads and checks a definition and its library. Findings go to stderr,
// but for those of expected rules; warnings do not stop it.
func (a *app) load(file string, library []string, expected ...string) (*bundle, error) {
	def, source, err := a.loadOne(file, expected...)
	if err != nil {
		return nil, err
	}
	b := &bundle{def: def, source: source}
	files, err := libraryFiles(library)
	if err != nil {
		return nil, err
	}
	known := []definition.Document{def.Document}
	for _, file := range files {
		def, source, err := a.loadOne(file)
		if err != nil {
			return nil, err
		}
		b.library = append(b.library, source)
		known = append(known, def.Document)
	}
	b.needed = neededOf(def, func(body *definition.RunWorkflow) bool { return slices.ContainsFunc(known, body.Names) })
	return b, nil
}

func (a *app) loadOne(file string, expected ...string) (*definition.Definition, contract.Source, error) {
	file, text, err := a.definitionText(file)
	if err != nil {
		return nil, contract.Source{}, err
	}
	def, findings := definition.Check(file, text)
	findings = slices.DeleteFunc(findings, func(f definition.Finding) bool { return slices.Contains(expected, f.Rule) })
	if len(findings) > 0 {
		if err := findings.WritePlain(a.stderr); err != nil {
			return nil, contract.Source{}, err
		}
	}
	if def == nil {
		return nil, contract.Source{}, &exitError{code: exitInvalid, err: findings, quiet: true}
	}
	signature, err := readSignature(file)
	return def, contract.Source{File: file, Document: string(text), Digest: def.Digest, Signature: strings.TrimSpace(signature)}, err
}

// stdinName is what messages call a definition from standard input, which the
// command line names -.
const stdinName = "<stdin>"

// definitionText reads a definition from its file or, of -, from standard input,
// which can be read once.
func (a *app) definitionText(file string) (name string, text []byte, err error) {
	if file != "-" {
		text, err = readDefinition(file)
		return file, text, err
	}
	if a.stdinTaken {
		return stdinName, nil, invalid("give one of them as a file", "- is given twice, and standard input can be read once")
	}
	a.stdinTaken = true
	if text, err = io.ReadAll(io.LimitReader(a.stdin, maxInputText)); err != nil {
		return stdinName, nil, invalid("", "definition %s: %w", stdinName, unwrapPath(err))
	}
	return stdinName, text, nil
}

func readDefinition(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, invalid("", "definition %s: no such file", file)
	case err != nil:
		return nil, invalid("", "definition %s: %w", file, unwrapPath(err))
	}
	return text, nil
}

// unwrapPath drops the operation and path that the message already names.
func unwrapPath(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// libraryFiles are the files named, and those directly in the folders named.
func libraryFiles(names []string) ([]string, error) {
	var files []string
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, invalid("", "--definition %s: %w", name, unwrapPath(err))
		}
		if !info.IsDir() {
			files = append(files, name)
			continue
		}
		entries, err := os.ReadDir(name)
		if err != nil {
			return nil, invalid("", "--definition %s: %w", name, unwrapPath(err))
		}
		for _, entry := range entries {
			if slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(entry.Name()))) {
				files = append(files, filepath.Join(name, entry.Name()))
			}
		}
	}
	return files, nil
}
