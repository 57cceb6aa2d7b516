package environments_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/environments"
)

func TestPythons(t *testing.T) {
	found := environments.FindPythons()
	own := python(t)
	assert.Equal(t, own, found[own.Version])
	assert.Empty(t, own.Prefix, "the system's folders are in every sandbox")
	_, err := found.Choose("/bin/sh")
	requireFault(t, err, environments.Invalid, `Python "/bin/sh" is not on this worker, which has `)
	_, err = environments.Pythons{}.Choose("3.9")
	requireFault(t, err, environments.Invalid, "which has none; the operator may add it with --python 3.9=PATH")
	_, err = found.Default("/nowhere/python3")
	requireFault(t, err, environments.Invalid, "the interpreter for python is missing")
}

func TestPythons_Configure(t *testing.T) {
	dir := t.TempDir()
	shim := filepath.Join(dir, "python3.12")
	require.NoError(t, os.WriteFile(shim, []byte("#!/bin/sh\n"), 0o755))
	own := python(t)
	for text, want := range map[string]string{
		"3.12":                  "is not of the form",
		"3.12=python3.12":       "is not of the form",
		"../x=/usr/bin/python3": "is not of the form",
		"3.12=/none/python3.12": "no such file",
		"3.12=/bin/true":        "is not named like python3.12",
		"3.12=" + shim:          "a version manager's shim",
		"3.2=" + own.Path:       "is Python " + own.Version + ", not 3.2",
	} {
		require.ErrorContains(t, environments.Pythons{}.Configure(text), want)
	}
	configured := environments.Pythons{}
	require.NoError(t, configured.Configure(own.Version+"="+own.Path))
	assert.Equal(t, own, configured[own.Version])
}
