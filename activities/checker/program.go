package checker

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

//go:embed program/*.py
var program embed.FS

// programFolder and scriptFolder are inside the sandbox.
const (
	programFolder = "/lazaret/checker"
	scriptFolder  = "/lazaret/scripts"
)

// programFiles are the checker's own modules.
var programFiles = readProgram()

func readProgram() []sandbox.File {
	entries, err := fs.ReadDir(program, "program")
	if err != nil {
		panic("bug: embedded files: " + err.Error())
	}
	var files []sandbox.File
	for _, entry := range entries {
		content, err := program.ReadFile("program/" + entry.Name())
		if err != nil {
			panic("bug: embedded files: " + err.Error())
		}
		files = append(files, sandbox.File{Path: programFolder + "/" + entry.Name(), Content: content})
	}
	return files
}

// Version identifies the rules: another checker has another one.
var Version = programVersion()

func programVersion() string {
	sum := sha256.New()
	for _, file := range programFiles {
		fmt.Fprintf(sum, "%q %q\n", file.Path, file.Content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// specFor runs the program over some scripts of one interpreter's, at level maximum.
func (c *Checker) specFor(scripts []Script) (sandbox.Spec, error) {
	spec, err := policies.SpecFor(policies.Maximum)
	if err != nil {
		return spec, err
	}
	host := sandbox.HostEnvironment()
	spec.Binds = append(spec.Binds, host.Binds...)
	spec.Files = append(append(spec.Files, host.Files...), programFiles...)
	spec.Env = []string{"PATH=/usr/bin:/bin", "HOME=/", "LANG=C.UTF-8"}
	python := Interpreter{Path: c.Python}
	if len(scripts) > 0 && scripts[0].Interpreter.Path != "" {
		python = scripts[0].Interpreter
	}
	if python.Prefix != "" {
		spec.Binds = append(spec.Binds, python.Prefix)
	}
	spec.Argv = []string{python.Path, "-I", "-S", "-B", "-X", "utf8", "-W", "ignore", programFolder + "/main.py", programFolder}
	spec.Limits.Wall = maxWall
	for i, script := range scripts {
		path := fmt.Sprintf("%s/%d", scriptFolder, i)
		spec.Argv = append(spec.Argv, path)
		spec.Files = append(spec.Files, sandbox.File{Path: path, Content: script.encode()})
	}
	return spec, nil
}
