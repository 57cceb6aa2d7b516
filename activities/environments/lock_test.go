package environments_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/environments"
)

var hash = "--hash=sha256:" + strings.Repeat("0123456789abcdef", 4)

func TestParseLock(t *testing.T) {
	lock := parseLock(t, `
# This file was made by pip-compile
Requests[socks]==2.31.0 \
    `+hash+` \
    --hash=sha256:`+strings.Repeat("f", 64)+`
    # via -r requirements.in
a.b_c==1 `+hash+"\n")
	assert.Equal(t, "a-b-c==1 "+hash+"\nrequests==2.31.0 "+hash+" --hash=sha256:"+strings.Repeat("f", 64)+"\n", lock.String())
	assert.Equal(t, lock.Digest(), parseLock(t, lock.String()).Digest())
}

func TestParseLock_Refuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "without packages",
		"six==1":                              "six==1 has no hash in its lock",
		"six>=1 " + hash:                      "not of the form",
		"--index-url=https://evil.test":       "is an option of pip",
		"-r other.txt":                        "is an option of pip",
		"six @ https://evil.test/six.whl":     "not of the form",
		"./six.whl " + hash:                   "not of the form",
		"six==1 ; python_version<'3' " + hash: "is not --hash=sha256",
		"six==1 --hash=md5:00":                "is not --hash=sha256",
		"six==1 " + hash + "\nSix==2 " + hash: "six stands twice",
		"# made\nsix==1 \\\n  " + hash + "\n\nbeta>=2": `line 5: "beta>=2" is not of the form`,
		"\r\nsix==1 \\\r\n --hash=no\r\n":              `line 2: six: "--hash=no" is not`,
		strings.Repeat("#", environments.MaxLock+1):    "over the limit",
	} {
		_, err := environments.ParseLock(text)
		requireFault(t, err, environments.Invalid, want)
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add("six==1 " + hash)
	f.Add("a==1 \\\n --hash=sha256:")
	f.Fuzz(func(t *testing.T, text string) {
		lock, err := environments.ParseLock(text)
		if err != nil {
			return
		}
		again, err := environments.ParseLock(lock.String())
		require.NoError(t, err)
		require.Equal(t, lock.String(), again.String())
		for line := range strings.Lines(lock.String()) {
			require.NotContains(t, line, " -r")
			require.False(t, strings.HasPrefix(line, "-"))
		}
	})
}

// The operator's lock decides what there is; a definition may only ask for it.
func TestResolve_FromTheOperatorsLock(t *testing.T) {
	lock := parseLock(t, "requests==2.31.0 "+hash+"\nsix==1.16.0 "+hash)
	e := &environments.Environments{Lock: &lock}
	for asked, want := range map[string]string{
		"requests": "", "Requests==2.31.0": "", "six>=1.15,<2": "", "six~=1.15": "", "six==1.*": "", "six!=1.15": "", "requests===2.31.0": "",
		"numpy":         "package numpy is not in the operator's lock, which has requests, six",
		"six>=2":        "the operator's lock has six 1.16.0, which is not six>=2",
		"six~=1.16.1":   "which is not",
		"six==1.1.*":    "which is not",
		"six<1.16":      "which is not",
		"requests>2.31": "which is not",
	} {
		got, err := e.Resolve(t.Context(), environments.Python{}, []string{asked})
		if want == "" {
			require.NoError(t, err, asked)
			assert.Equal(t, lock, got)
			continue
		}
		requireFault(t, err, environments.Refused, want)
	}
	for _, bad := range []string{"--index-url=x", "-r x", "six @ https://x", "../six", "six[x]", "six;x", "six\n-r x", ""} {
		_, err := e.Resolve(t.Context(), environments.Python{}, []string{bad})
		requireFault(t, err, environments.Invalid, "is not a package such as")
	}
	_, err := (&environments.Environments{}).Resolve(t.Context(), environments.Python{}, []string{"six"})
	requireFault(t, err, environments.Refused, "--python-index")
}
