package evidence

import (
	"archive/tar"
	"bytes"
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
	"path/filepath"
	"regexp"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Manifest says what a bundle holds.
type Manifest struct {
	Format     int       `json:"format"` // 1
	Definition string    `json:"definition"`
	Created    time.Time `json:"created"`
	By         string    `json:"by"` // the program and its version
	Files      []File    `json:"files"`
	// Missing says what could not be had, and why.
	Missing []string `json:"missing,omitempty"`
}

// File is one entry of a bundle.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

const (
	format        = 1
	manifestName  = "manifest.json"
	signatureName = "manifest.sig"
	// KeyName is the entry with the public key, PEM.
	KeyName = "audit.pub"
	// Bounds of what a bundle may unfold to.
	maxFiles = 10_000
	maxFile  = 1 << 30
	maxTotal = 8 << 30
)

// purpose keeps a signature from being one of something else.
const purpose = "lazaret evidence manifest 1\n"

// Signer signs for a purpose; *audit.Log is one.
type Signer interface {
	Sign(purpose string, message []byte) []byte
	PublicKey() ed25519.PublicKey
}

// Bundle collects entries. It is not safe for concurrent use.
type Bundle struct {
	manifest Manifest
	contents [][]byte
}

// New begins a bundle about a definition.
func New(definition, by string, created time.Time) *Bundle {
	return &Bundle{manifest: Manifest{Format: format, Definition: definition, Created: created.UTC(), By: by, Files: []File{}}}
}

var entryName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)

// Add adds an entry. Names are of letters, digits, dots, dashes and underscores,
// with slashes in between.
func (b *Bundle) Add(name string, text []byte) error {
	if !entryName.MatchString(name) || name == manifestName || name == signatureName {
		return fmt.Errorf("evidence entry %q: not a name", name)
	}
	for _, f := range b.manifest.Files {
		if f.Name == name {
			return fmt.Errorf("evidence entry %q is there twice", name)
		}
	}
	sum := sha256.Sum256(text)
	b.manifest.Files = append(b.manifest.Files, File{name, int64(len(text)), hex.EncodeToString(sum[:])})
	b.contents = append(b.contents, text)
	return nil
}

// AddJSON adds a value as JSON.
func (b *Bundle) AddJSON(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return b.Add(name, append(text, '\n'))
}

// Lacks notes what could not be had.
func (b *Bundle) Lacks(what string, err error) {
	b.manifest.Missing = append(b.manifest.Missing, fmt.Sprintf("%s: %v", what, err))
}

// Write signs the bundle and writes it to a new file (0600), whole or not at all; an
// existing file matches [os.ErrExist].
func (b *Bundle) Write(path string, signer Signer) (Manifest, error) {
	public, err := x509.MarshalPKIXPublicKey(signer.PublicKey())
	if err != nil {
		return Manifest{}, err
	}
	if err := b.Add(KeyName, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})); err != nil {
		return Manifest{}, err
	}
	if _, err := os.Lstat(path); err == nil {
		return Manifest{}, &os.PathError{Op: "write", Path: path, Err: os.ErrExist}
	}
	manifest, err := json.MarshalIndent(b.manifest, "", "  ")
	if err != nil {
		return Manifest{}, err
	}
	signature := base64.StdEncoding.EncodeToString(signer.Sign(purpose, manifest)) + "\n"
	out, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return Manifest{}, err
	}
	defer func() { _ = os.Remove(out.Name()) }()
	if err := errors.Join(b.archive(out, manifest, []byte(signature)), out.Sync(), out.Close()); err != nil {
		return Manifest{}, err
	}
	return b.manifest, os.Link(out.Name(), path)
}

func (b *Bundle) archive(out io.Writer, manifest, signature []byte) error {
	compressed, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	add := func(name string, text []byte) error {
		header := &tar.Header{Name: name, Size: int64(len(text)), Mode: 0o600, Typeflag: tar.TypeReg, ModTime: b.manifest.Created}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err := io.Copy(archive, bytes.NewReader(text))
		return err
	}
	if err := errors.Join(add(manifestName, manifest), add(signatureName, signature)); err != nil {
		return err
	}
	for i, f := range b.manifest.Files {
		if err := add(f.Name, b.contents[i]); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), compressed.Close())
}
