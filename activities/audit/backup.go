package audit

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// backedUp are the files of a backup beside the lines. The signing key is not
// among them: a backup proves the past, it must not be able to forge it.
var backedUp = []string{publicFile, headFile}

// Backup closes the current file, writes the whole log as a tar.zst, and leaves
// a line that says so. The archive appears whole or not at all; an existing file
// is never replaced.
func (l *Log) Backup(path string) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return &Error{Reason: fmt.Sprintf("%q exists", path), Hint: "name a new file", Err: fs.ErrExist}
	}
	if _, err := l.Append(Event{Kind: BackedUp, Subject: filepath.Base(path), Message: "the log up to this line is in the backup"}); err != nil {
		return err
	}
	s, err := takeSnapshot(l.dir)
	if err != nil {
		return err
	}
	defer s.close()
	out, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600: it holds what was audited
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.Name()) }()
	if err := errors.Join(s.archive(l.dir, out), out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Link(out.Name(), path) // fails when the file has come to exist
}

func (s *snapshot) archive(dir string, out io.Writer) error {
	compressed, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	for i, segment := range s.segments {
		if err := addFile(archive, segment.name, s.sizes[i], io.NewSectionReader(s.files[i], 0, s.sizes[i])); err != nil {
			return err
		}
	}
	public, err := os.ReadFile(filepath.Join(dir, publicFile))
	if err != nil {
		return err
	}
	for i, text := range [][]byte{public, s.head} {
		if err := addFile(archive, backedUp[i], int64(len(text)), bytes.NewReader(text)); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), compressed.Close())
}

func addFile(archive *tar.Writer, name string, size int64, text io.Reader) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Size: size, Mode: int64(fileMode), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := io.Copy(archive, text)
	return err
}

// maxArchive bounds what a backup may unfold to, in bytes.
const maxArchive = 64 << 30

// Restore puts a backup's log into a new folder. Nothing is written unless the
// folder is missing or empty; a restored log can be verified and read, and has no
// key to be continued with.
func Restore(path, dir string) (err error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		return errors.Join(err, &Error{Reason: fmt.Sprintf("folder %q is not empty", dir), Hint: "name a new folder"})
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	unfolded, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnfolded))
	if err != nil {
		return err
	}
	defer unfolded.Close()
	archive := tar.NewReader(io.LimitReader(unfolded, maxArchive))
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badBackup(path, err)
		}
		if err := restoreFile(dir, header, archive); err != nil {
			return badBackup(path, err)
		}
	}
}

func badBackup(path string, err error) error {
	return &Error{Reason: fmt.Sprintf("%q is no backup of an audit log", path), Hint: "name a file that lazaret audit backup wrote", Err: err}
}

func restoreFile(dir string, header *tar.Header, text io.Reader) error {
	ours := header.Name == currentFile || segmentName.MatchString(header.Name) || slices.Contains(backedUp, header.Name)
	if !ours || header.Typeflag != tar.TypeReg {
		return fmt.Errorf("unexpected entry %.80q", header.Name)
	}
	file, err := os.OpenFile(filepath.Join(dir, header.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode) //nolint:gosec // only our own names get here
	if err != nil {
		return err
	}
	_, err = io.CopyN(file, text, header.Size)
	return errors.Join(err, file.Sync(), file.Close())
}
