package sandbox

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// minimumMemory is what building a sandbox takes before the program starts.
const minimumMemory = 8 << 20

// minimumFiles is what building a sandbox takes before the program starts.
const minimumFiles = 32

// validate checks a Spec on its own, without looking at the machine.
func (s *Spec) validate() error {
	return first(s.validateProgram(), s.validatePaths(), s.Limits.validate(), s.Network.validate())
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSpec, err)
		}
	}
	return nil
}

func (s *Spec) validateProgram() error {
	if len(s.Argv) == 0 {
		return fmt.Errorf("no program")
	}
	for _, text := range slices.Concat(s.Argv, s.Env) {
		if strings.ContainsRune(text, 0) {
			return fmt.Errorf("NUL in argument or environment %.40q", text)
		}
	}
	if !slices.ContainsFunc(s.Binds, func(b string) bool { return within(s.Argv[0], b) }) {
		return fmt.Errorf("program %.80q lies under none of the binds", s.Argv[0])
	}
	if s.Scratch < 0 {
		return fmt.Errorf("scratch of %d bytes", s.Scratch)
	}
	return nil
}

// kernelPaths are made by the sandbox itself, workPaths are its own work space.
// A bind may lie below the latter; a file may not, for it could be changed there.
var (
	kernelPaths = []string{"/dev", "/proc", "/sys"}
	workPaths   = []string{"/scratch", "/tmp"}
)

func (s *Spec) validatePaths() error {
	if s.Dir != "" && !clean(s.Dir) {
		return fmt.Errorf("directory %.80q is not a clean absolute path", s.Dir)
	}
	if shown := len(s.Binds) + len(s.Data); shown > maxBinds {
		return fmt.Errorf("%d binds, at most %d are possible", shown, maxBinds)
	}
	for _, b := range s.Binds {
		if err := validateBind(b); err != nil {
			return fmt.Errorf("bind %.80q: %w", b, err)
		}
	}
	if err := s.CheckData(); err != nil {
		return err
	}
	for i, f := range s.Files {
		if err := s.validateFile(i, f); err != nil {
			return fmt.Errorf("file %.80q: %w", f.Path, err)
		}
	}
	return nil
}

// CheckData says what is wrong with Data, beside Binds.
func (s *Spec) CheckData() error {
	for _, d := range s.Data {
		if err := s.validateData(d); err != nil {
			return fmt.Errorf("data folder %.80q: %w", d, err)
		}
	}
	return nil
}

// validateData keeps data apart from what programs need to run: there, it would
// be code, or take the code's permission away.
func (s *Spec) validateData(path string) error {
	for _, b := range s.Binds {
		if within(path, b) || within(b, path) {
			return fmt.Errorf("overlaps the bind %q", b)
		}
	}
	return validateBind(path)
}

func validateBind(path string) error {
	if slices.Contains(workPaths, path) {
		return fmt.Errorf("%s belongs to the sandbox", path)
	}
	return validatePath(path, kernelPaths)
}

func validatePath(path string, taken []string) error {
	if !clean(path) || path == "/" {
		return fmt.Errorf("not a clean absolute path below the root")
	}
	for _, t := range taken {
		if within(path, t) {
			return fmt.Errorf("%s belongs to the sandbox", t)
		}
	}
	return nil
}

func (s *Spec) validateFile(i int, f File) error {
	for _, b := range slices.Concat(s.Binds, s.Data) {
		if within(f.Path, b) || within(b, f.Path) {
			return fmt.Errorf("overlaps the bind %q", b)
		}
	}
	for _, other := range s.Files[:i] {
		if within(f.Path, other.Path) || within(other.Path, f.Path) {
			return fmt.Errorf("overlaps the file %q", other.Path)
		}
	}
	return validatePath(f.Path, slices.Concat(kernelPaths, workPaths))
}

func clean(path string) bool {
	return filepath.IsAbs(path) && filepath.Clean(path) == path && !strings.ContainsRune(path, 0)
}

// within says whether path is dir or below it. Both are clean.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

func (l Limits) validate() error {
	switch {
	case l.Wall <= 0:
		return fmt.Errorf("wall time of %v", l.Wall)
	case l.Memory < minimumMemory:
		return fmt.Errorf("memory of %d bytes, at least %d are needed", l.Memory, minimumMemory)
	case l.Processes < 1:
		return fmt.Errorf("%d processes", l.Processes)
	case l.CPUTime < 0:
		return fmt.Errorf("processor time of %v", l.CPUTime)
	case l.CPU < 0:
		return fmt.Errorf("%v cores", l.CPU)
	case l.Stdout <= 0 || l.Stderr <= 0:
		return fmt.Errorf("output of %d and %d bytes", l.Stdout, l.Stderr)
	case l.OpenFiles < minimumFiles:
		return fmt.Errorf("%d open files, at least %d are needed", l.OpenFiles, minimumFiles)
	case l.FileSize == 0:
		return fmt.Errorf("file size of 0 bytes")
	}
	return nil
}
