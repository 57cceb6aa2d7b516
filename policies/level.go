package policies

import (
	"fmt"
	"slices"
	"strings"
)

// Level is a named, ordered preset of what a script may do. A greater level
// restricts more, so that levels compare with < and >. The zero Level is invalid.
type Level int

// The levels.
const (
	Minimal  Level = iota + 1 // fully trusted
	Standard                  // trusted, internal
	Strict                    // reviewed, internal
	Maximum                   // untrusted: what everything unlisted gets
)

var levelNames = map[Level]string{Maximum: "maximum", Strict: "strict", Standard: "standard", Minimal: "minimal"}

// Levels lists all levels, the most restricted first.
func Levels() []Level { return []Level{Maximum, Strict, Standard, Minimal} }

func (l Level) String() string {
	if name, ok := levelNames[l]; ok {
		return name
	}
	return fmt.Sprintf("Level(%d)", int(l))
}

// LevelError is a name that is no level's.
type LevelError struct{ Name string }

func (e *LevelError) Error() string {
	var names []string
	for _, l := range Levels() {
		names = append(names, l.String())
	}
	return fmt.Sprintf("level %.40q: want %s", e.Name, strings.Join(names, ", "))
}

// ParseLevel reads a level's name as users write it: exactly, in lower case. Its
// error is a *LevelError.
func ParseLevel(name string) (Level, error) {
	levels := Levels()
	i := slices.IndexFunc(levels, func(l Level) bool { return l.String() == name })
	if i < 0 {
		return 0, &LevelError{name}
	}
	return levels[i], nil
}

// MarshalText renders the level's name.
func (l Level) MarshalText() ([]byte, error) {
	if _, ok := levelNames[l]; !ok {
		return nil, &LevelError{l.String()}
	}
	return []byte(l.String()), nil
}

// UnmarshalText is ParseLevel.
func (l *Level) UnmarshalText(text []byte) error {
	parsed, err := ParseLevel(string(text))
	if err == nil {
		*l = parsed
	}
	return err
}
