package environments_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/sandbox/egress"
)

// pypi is an index of the simple repository API on this machine's loopback. It
// is called example.com, which is what httptest's certificate is for.
type pypi struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte
	asked []string // paths, in order
}

func newIndex(t *testing.T) *pypi {
	t.Helper()
	p := &pypi{files: map[string][]byte{}}
	p.Server = httptest.NewTLSServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *pypi) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, r.URL.Path)
	if name, ok := strings.CutPrefix(r.URL.Path, "/files/"); ok && p.files[name] != nil {
		_, _ = w.Write(p.files[name])
		return
	}
	project, ok := strings.CutPrefix(r.URL.Path, "/simple/")
	var page strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		if strings.HasPrefix(name, strings.TrimSuffix(project, "/")+"-") {
			fmt.Fprintf(&page, "<a href=\"/files/%s\">%s</a>\n", name, name)
		}
	}
	if !ok || page.Len() == 0 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	_, _ = w.Write([]byte(page.String()))
}

// requests counts what was asked of the index so far.
func (p *pypi) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

// index is how an operator configures it.
func (p *pypi) index(t *testing.T) environments.Index {
	t.Helper()
	port := p.URL[strings.LastIndex(p.URL, ":"):]
	hosts, err := egress.ParseRules([]string{"127.0.0.1" + port})
	require.NoError(t, err)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
	index, err := environments.NewIndex("https://example.com"+port+"/simple/", hosts, ca)
	require.NoError(t, err)
	index.Resolver = loopback{}
	return index
}

// loopback resolves every name to this machine.
type loopback struct{}

func (loopback) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// add puts a wheel into the index and returns its line in a lock.
func (p *pypi) add(t *testing.T, name, version string, files map[string]string, requires ...string) string {
	t.Helper()
	data := wheel(t, name, version, "py3-none-any", files, requires...)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[name+"-"+version+"-py3-none-any.whl"] = data
	return lockLine(name, version, data)
}

// put puts any file into the index.
func (p *pypi) put(name string, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[name] = data
}

func lockLine(name, version string, wheel []byte) string {
	sum := sha256.Sum256(wheel)
	return name + "==" + version + " --hash=sha256:" + hex.EncodeToString(sum[:]) + "\n"
}

// wheel makes a wheel: a zip file with three files that describe it.
func wheel(t *testing.T, name, version, tag string, files map[string]string, requires ...string) []byte {
	t.Helper()
	info := name + "-" + version + ".dist-info/"
	metadata := "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n"
	for _, r := range requires {
		metadata += "Requires-Dist: " + r + "\n"
	}
	all := maps.Clone(files)
	all[info+"METADATA"] = metadata
	all[info+"WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: " + tag + "\n"
	var record strings.Builder
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	write := func(name, content string) {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = w.Write([]byte(content))
		require.NoError(t, err)
	}
	for _, file := range slices.Sorted(maps.Keys(all)) {
		sum := sha256.Sum256([]byte(all[file]))
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", file, base64.RawURLEncoding.EncodeToString(sum[:]), len(all[file]))
		write(file, all[file])
	}
	write(info+"RECORD", record.String()+info+"RECORD,,\n")
	require.NoError(t, z.Close())
	return out.Bytes()
}
