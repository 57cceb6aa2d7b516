package virt

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckName says why a text cannot be the name of a guest, pool, volume, network
// or snapshot. Names stand in XML, in paths below a pool, and in logs.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("is empty")
	case len(name) > MaxName:
		return fmt.Errorf("is longer than %d bytes", MaxName)
	case name == "." || name == "..":
		return fmt.Errorf("is a directory")
	case strings.ContainsAny(name, `/\`):
		return fmt.Errorf("has a slash")
	case strings.ContainsAny(name, `<>&"'`):
		return fmt.Errorf("has a character of XML's")
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("begins or ends with a blank")
	case name[0] == '-':
		return fmt.Errorf("begins with a hyphen")
	}
	return checkPrintable(name)
}

// checkPrintable refuses what could drive a terminal or hide in a log.
func checkPrintable(text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("is not UTF-8")
	}
	for _, r := range text {
		if r != ' ' && (unicode.IsControl(r) || !unicode.IsPrint(r)) {
			return fmt.Errorf("has the character %+q, which cannot be printed", r)
		}
	}
	return nil
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// CheckUUID says why a text is no UUID. Letters are small, so that each has one form.
func CheckUUID(text string) error {
	if !uuidForm.MatchString(text) {
		return fmt.Errorf("is no UUID such as 6695eb01-f6a4-8304-79aa-97f2502e193f, in small letters")
	}
	return nil
}
