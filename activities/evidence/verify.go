package evidence

import (
	"archive/tar"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// ErrBad is what every bundle is that cannot be believed.
var ErrBad = errors.New("the bundle cannot be believed")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrBad}, args...)...)
}

// Verify reads a bundle and checks its signature, and every entry against the
// manifest. A nil key stands for the one in the bundle: then it only shows that the
// bundle is whole, not who made it. An error that matches ErrBad names the entry.
func Verify(path string, key ed25519.PublicKey) (Manifest, error) {
	in, err := os.Open(path)
	if err != nil {
		return Manifest{}, err
	}
	defer func() { _ = in.Close() }()
	unfolded, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return Manifest{}, bad("it is no zstd file")
	}
	defer unfolded.Close()
	archive := tar.NewReader(io.LimitReader(unfolded, maxTotal))
	manifest, signed, signature, err := readManifest(archive)
	if err != nil {
		return Manifest{}, err
	}
	own, err := verifyFiles(archive, manifest)
	if err != nil {
		return Manifest{}, err
	}
	if key == nil {
		key = own
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, append([]byte(purpose), signed...), signature) {
		return Manifest{}, bad("%s is not signed by that key", manifestName)
	}
	return manifest, nil
}

func readManifest(archive *tar.Reader) (m Manifest, signed, signature []byte, err error) {
	if signed, err = readEntry(archive, manifestName, 16<<20); err != nil {
		return m, nil, nil, err
	}
	text, err := readEntry(archive, signatureName, 1<<10)
	if err != nil {
		return m, nil, nil, err
	}
	if signature, err = base64.StdEncoding.DecodeString(strings.TrimSpace(string(text))); err != nil {
		return m, nil, nil, bad("%s is no signature", signatureName)
	}
	if json.Unmarshal(signed, &m) != nil || m.Format != format {
		return m, nil, nil, bad("%s is none of format %d", manifestName, format)
	}
	if len(m.Files) > maxFiles {
		return m, nil, nil, bad("%d entries", len(m.Files))
	}
	return m, signed, signature, nil
}

func readEntry(archive *tar.Reader, name string, limit int64) ([]byte, error) {
	header, err := archive.Next()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, bad("it is damaged, or cut off: %w", err)
	}
	if err != nil || header.Name != name || header.Typeflag != tar.TypeReg || header.Size > limit {
		return nil, bad("%s is missing, or not where it belongs", name)
	}
	text, err := io.ReadAll(archive)
	if err != nil {
		return nil, bad("%s is cut off", name)
	}
	return text, nil
}

// verifyFiles compares the entries with the manifest and returns the bundle's own key.
func verifyFiles(archive *tar.Reader, m Manifest) (own ed25519.PublicKey, err error) {
	for _, f := range m.Files {
		header, err := archive.Next()
		if err != nil {
			return nil, bad("%q is missing, or the archive is damaged", f.Name)
		}
		if header.Name != f.Name || header.Typeflag != tar.TypeReg || f.Size > maxFile || !entryName.MatchString(f.Name) {
			return nil, bad("%.200q stands where %q belongs", header.Name, f.Name)
		}
		if header.Size != f.Size {
			return nil, bad("%q was changed", f.Name)
		}
		hash := sha256.New()
		var text strings.Builder
		out := io.Writer(hash)
		if f.Name == KeyName {
			out = io.MultiWriter(hash, &text)
		}
		if _, err := io.Copy(out, archive); err != nil {
			return nil, bad("%q is cut off", f.Name)
		}
		if hex.EncodeToString(hash.Sum(nil)) != f.SHA256 {
			return nil, bad("%q was changed", f.Name)
		}
		if f.Name == KeyName {
			own = parseKey(text.String())
		}
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		return nil, bad("something stands behind the last entry")
	}
	return own, nil
}

func parseKey(text string) ed25519.PublicKey {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil
	}
	public, _ := key.(ed25519.PublicKey)
	return public
}
