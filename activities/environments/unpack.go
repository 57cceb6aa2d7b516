package environments

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// Bounds of one environment, unpacked.
const (
	maxInstalled = 512 << 20 // bytes
	maxFiles     = 100_000
)

// unpack puts the files of a compressed archive into a folder. The archive is
// the word of a sandbox: only plain files and folders come out of it, inside
// the folder, each once, within bounds. It returns the bytes written.
func unpack(archive []byte, dir string) (int64, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, fmt.Errorf("environments: %w", err)
	}
	defer func() { _ = root.Close() }()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return 0, fmt.Errorf("environments: archive: %w", err)
	}
	u := unpacker{root: root, archive: tar.NewReader(z)}
	return u.all()
}

type unpacker struct {
	root    *os.Root
	archive *tar.Reader
	files   int
	bytes   int64
}

func (u *unpacker) all() (int64, error) {
	for {
		header, err := u.archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return u.bytes, nil
		case err != nil:
			return u.bytes, fmt.Errorf("environments: archive: %w", err)
		}
		if err := u.one(header); err != nil {
			return u.bytes, err
		}
	}
}

func (u *unpacker) one(header *tar.Header) error {
	name := path.Clean(header.Name)
	if u.files++; u.files > maxFiles {
		return fault(Invalid, "the packages have more than %d files", maxFiles)
	}
	if !fs.ValidPath(name) {
		return fmt.Errorf("environments: archive: name %.80q", header.Name)
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return u.folder(name)
	case tar.TypeReg:
		return u.file(name)
	}
	return fmt.Errorf("environments: archive: %.80q is neither file nor folder", header.Name)
}

func (u *unpacker) folder(name string) error {
	if err := u.root.MkdirAll(name, 0o755); err != nil {
		return fmt.Errorf("environments: unpack: %w", err)
	}
	return nil
}

func (u *unpacker) file(name string) error {
	if err := u.folder(path.Dir(name)); err != nil {
		return err
	}
	file, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return fmt.Errorf("environments: unpack: %w", err)
	}
	n, err := io.Copy(file, io.LimitReader(u.archive, maxInstalled-u.bytes+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("environments: unpack %q: %w", name, err)
	}
	if u.bytes += n; u.bytes > maxInstalled {
		return fault(Invalid, "the packages are over the limit of %d MiB", maxInstalled>>20)
	}
	return nil
}
