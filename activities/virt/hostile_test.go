package virt_test

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
)

// section is the text of one "-- name: reason --" part of a file in testdata.
type section struct{ reason, text string }

func sections(t *testing.T, file string) []section {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var all []section
	for part := range strings.SplitSeq(string(data), "\n--- ") {
		reason, text, ok := strings.Cut(part, "\n")
		if ok && !strings.HasPrefix(part, "#") {
			all = append(all, section{reason, strings.TrimSpace(text)})
		}
	}
	return all
}

// Each document is refused for the reason beside it, and for no other (D14).
func TestReviewXML_Hostile(t *testing.T) {
	hostile := sections(t, "testdata/hostile.txt")
	require.GreaterOrEqual(t, len(hostile), 45)
	for _, h := range hostile {
		text := strings.ReplaceAll(h.text, "NUL", "\x00")
		_, err := virt.ReviewXML(text)
		require.ErrorContains(t, err, h.reason, "%s", h.text)
	}
}

func TestReviewXML_Bounds(t *testing.T) {
	for reason, text := range map[string]string{
		"at most":      "<domain>" + strings.Repeat(" ", virt.MaxXML) + "</domain>",
		"nests deeper": "<domain type='kvm'><devices>" + strings.Repeat("<input type='mouse'/>", 3000) + "</devices></domain>",
	} {
		_, err := virt.ReviewXML(text)
		require.ErrorContains(t, err, reason)
	}
}

func TestReviewXML_Passes(t *testing.T) {
	for _, good := range sections(t, "testdata/allowed.txt") {
		review, err := virt.ReviewXML(good.text)
		require.NoError(t, err, "%s", good.text)
		again, err := virt.ReviewXML(review.XML)
		require.NoError(t, err)
		require.Equal(t, review, again, "what is written anew is what was read")
		require.Equal(t, good.reason == "hostdev", review.Hostdev)
		require.Equal(t, good.reason == "path", len(review.Paths) > 0)
	}
}

// What we write ourselves passes, whatever the arguments say.
func TestDomainXML_PassesReview(t *testing.T) {
	define, _ := virt.Find("domain.define")
	for _, more := range []map[string]any{
		{},
		{"disks": []any{map[string]any{"pool": "p", "volume": "v"}}, "interfaces": []any{map[string]any{"network": "n", "mac": "52:54:00:00:00:01"}}},
		{"machine": "q35", "ports": 4, "agent": true, "boot": "cdrom", "disks": []any{map[string]any{"pool": "p", "volume": "v.iso", "device": "cdrom", "bus": "sata"}}},
		{"type": "test"},
	} {
		given := map[string]any{"name": "web-1", "memory": 512, "vcpus": 2}
		maps.Copy(given, more)
		arguments, err := define.Arguments(given)
		require.NoError(t, err)
		_, err = virt.ReviewXML(virt.DomainXML(arguments, "6695eb01-f6a4-8304-79aa-97f2502e193f"))
		require.NoError(t, err)
	}
}

func TestCheckName(t *testing.T) {
	for name, reason := range map[string]string{
		"": "is empty", ".": "is a directory", "..": "is a directory", "../../etc/passwd": "slash", `a\b`: "slash",
		"a\x00b": "cannot be printed", "a\nb": "cannot be printed", "a\tb": "cannot be printed", "a\x1b[2Jb": "cannot be printed",
		"a\u202eb": "cannot be printed", "a\u200bb": "cannot be printed", "\ufeffa": "cannot be printed", "a\x7fb": "cannot be printed",
		"<domain>": "XML", "a&b": "XML", "a'b": "XML", `a"b`: "XML", " a": "blank", "a ": "blank", "-rf": "hyphen",
		"\xff": "UTF-8", strings.Repeat("a", 256): "longer",
	} {
		require.ErrorContains(t, virt.CheckName(name), reason, "%q", name)
	}
	for _, name := range []string{"web-1", "Büro 7", "a.b_c", strings.Repeat("a", 255), "数据库"} {
		require.NoError(t, virt.CheckName(name))
	}
}

// C10: no transport in the clear, nothing that runs a command, names a key or skips a check.
func TestCheckURI(t *testing.T) {
	for uri, reason := range map[string]string{
		"qemu+tcp://host/system":                       "only unix, ssh and tls",
		"qemu+ext:///system?command=/tmp/x":            "only unix, ssh and tls",
		"qemu+ssh://host/system?command=/tmp/x":        "extra parameter",
		"qemu+ssh://host/system?netcat=/tmp/x":         "extra parameter",
		"qemu+ssh://host/system?keyfile=/root/.ssh/id": "extra parameter",
		"qemu+tls://host/system?no_verify=1":           "extra parameter",
		"qemu+tls://host/system?pkipath=/tmp":          "extra parameter",
		"qemu+libssh2://host/system":                   "only unix, ssh and tls",
		"qemu:///system?socket=/tmp/s":                 "extra parameter",
		"qemu+unix:///system?socket=../s":              "no absolute path",
		"qemu+unix:///system?socket=/a&socket=/b":      "no absolute path",
		"qemu+unix:///system?mode=legacy":              "extra parameter",
		"qemu+ssh://-oProxyCommand=x/system":           "option",
		"qemu+ssh://-oX@host/system":                   "option",
		"qemu+ssh://user:secret@host/system":           "password",
		"qemu+ssh:///system":                           "no host",
		"test:///etc/shadow":                           "has the path",
		"test:///system":                               "only /default",
		"qemu:///embed?root=/":                         "has the path",
		"esx://host/":                                  "names the driver",
		"qemu:///system#x":                             "parts",
		"system":                                       "no URI",
		"":                                             "no URI",
		"qemu:///system\n":                             "cannot be printed",
		"qemu+tls://" + strings.Repeat("h", virt.MaxText) + "/system": "longer",
	} {
		require.ErrorContains(t, virt.CheckURI(uri), reason, uri)
	}
	for _, uri := range []string{"qemu:///system", "qemu:///session", "qemu+ssh://ops@host/system", "qemu+tls://host/system", "test:///default", "qemu+unix:///system?socket=/run/s"} {
		require.NoError(t, virt.CheckURI(uri))
	}
}

func TestTransport(t *testing.T) {
	for uri, want := range map[string]string{
		"qemu:///system": virt.Local, "test:///default": virt.Local, "qemu+unix:///system?socket=/run/s": virt.Local,
		"qemu+ssh://ops@host/system": virt.SecureSSH, "qemu+tls://host/system": virt.SecureTLS, "qemu://host/system": virt.SecureTLS,
		"\x7f": virt.Local, "": virt.Local,
	} {
		require.Equal(t, want, virt.Transport(uri), uri)
	}
	require.EqualValues(t, 16514, virt.Port("qemu+tls://host/system"))
	require.EqualValues(t, 7, virt.Port("qemu+tls://host:7/system"))
}
