package audit

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	keyFile    = "audit.key"
	publicFile = "audit.pub"
)

// loadKey returns the folder's signing key, made at first use. Only the holder of
// the folder's lock may call it.
func loadKey(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, keyFile)
	err := checkLstat(path, checkSecret)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(dir)
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, badKey(path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, badKey(path)
	}
	return key, nil
}

func badKey(path string) error {
	return &Error{Reason: fmt.Sprintf("%q holds no Ed25519 key in PKCS #8", path), Hint: "restore it from a backup; a new key begins a new chain in a new folder"}
}

func makeKey(dir string) (ed25519.PrivateKey, error) {
	if segments, err := listSegments(dir); err != nil || len(segments) > 0 {
		return nil, errors.Join(err, &Error{
			Reason: fmt.Sprintf("folder %q has a log but not its key", dir),
			Hint:   "restore " + keyFile + " from a backup, or begin a new log in another folder",
		})
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	open, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	if err := writeNew(filepath.Join(dir, publicFile), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}), 0o640); err != nil {
		return nil, err
	}
	// The key comes last: with it the pair is whole.
	return private, writeNew(filepath.Join(dir, keyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
}

// ReadPublicKey reads the key that verifies a folder's heads. Take it from where
// the log's writer cannot change it.
func ReadPublicKey(path string) (ed25519.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, &Error{Reason: fmt.Sprintf("%q holds no PEM block", path), Hint: "name the audit.pub of the log"}
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, &Error{Reason: fmt.Sprintf("%q holds no Ed25519 public key", path), Hint: "name the audit.pub of the log"}
	}
	return key, nil
}

// writeNew creates a file that appears whole or not at all, replacing a leftover.
func writeNew(path string, text []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone when renamed
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
