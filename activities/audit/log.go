package audit

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	fileMode = fs.FileMode(0o640) // a group of readers, such as a watcher's, may be given the files
	dirMode  = fs.FileMode(0o750)
)

// Limits say when a file is closed and how long files are kept.
type Limits struct {
	Size int64         // bytes after which a new file begins; 0: 100 MB
	Age  time.Duration // after which a new file begins; 0: 24 hours
	Keep int           // closed files at most; 0: 90
	// Retain is how long a closed file is kept; 0: 365 days.
	Retain time.Duration
}

func (l Limits) filled() Limits {
	if l.Size == 0 {
		l.Size = 100 << 20
	}
	if l.Age == 0 {
		l.Age = 24 * time.Hour
	}
	if l.Keep == 0 {
		l.Keep = 90
	}
	if l.Retain == 0 {
		l.Retain = 365 * 24 * time.Hour
	}
	return l
}

// Log appends to the log of one folder. Its methods may be called concurrently,
// and several processes may append to one folder: each line is written whole,
// under a lock, after the newest.
type Log struct {
	dir    string
	limits Limits
	now    func() time.Time
	key    ed25519.PrivateKey

	mu     sync.Mutex
	lock   *os.File
	head   *os.File
	file   *os.File // nil after a failure; opened again by the next Append
	size   int64
	seq    uint64 // of the newest line
	hash   Hash   // of the newest line
	opened time.Time
	synced time.Time

	compressing sync.WaitGroup
}

// Open opens the folder's log to append to it, and makes folder and key when they
// are missing. It refuses a folder, a file or a key that another user could have
// changed. A line that a crash left unfinished is moved into a Recovered event.
// The clock stamps the lines; nil is time.Now.
func Open(dir string, limits Limits, clock func() time.Time) (*Log, error) {
	if clock == nil {
		clock = time.Now
	}
	if err := makeFolder(dir); err != nil {
		return nil, &Error{Reason: fmt.Sprintf("audit folder %q cannot be made", dir), Err: err}
	}
	if err := checkLstat(dir, checkAccess); err != nil {
		return nil, err
	}
	l := &Log{dir: dir, limits: limits.filled(), now: clock}
	if err := l.open(); err != nil {
		return nil, errors.Join(err, l.closeFiles())
	}
	l.compressLeftovers()
	return l, nil
}

// makeFolder makes the folder unless it is there. Those above it are nobody
// else's: the state folder, which is one, must be closed to others.
func makeFolder(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	err := os.Mkdir(dir, dirMode)
	if errors.Is(err, fs.ErrExist) {
		return nil // what it is, the check of access tells
	}
	return err
}

func (l *Log) open() (err error) {
	if l.lock, err = os.OpenFile(filepath.Join(l.dir, lockFile), os.O_RDWR|os.O_CREATE, fileMode); err != nil {
		return err
	}
	return l.locked(func() error {
		if l.key, err = loadKey(l.dir); err != nil {
			return err
		}
		if l.head, err = os.OpenFile(filepath.Join(l.dir, headFile), os.O_RDWR|os.O_CREATE, fileMode); err != nil {
			return err
		}
		if err := l.resume(); err != nil {
			return err
		}
		return l.admitGap()
	})
}

// PublicKey verifies this log's heads.
func (l *Log) PublicKey() ed25519.PublicKey { return l.key.Public().(ed25519.PublicKey) } //nolint:forcetypeassert // an Ed25519 key's

// Append writes the event as the newest line and returns its number. On an error,
// which wraps ErrUnwritable, the line does not stand there or may not survive a
// power cut, and the caller must refuse what it was about to do.
func (l *Log) Append(e Event) (seq uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lock == nil {
		return 0, &Error{Reason: "audit log is closed", Err: ErrUnwritable}
	}
	err = l.locked(func() error {
		if err := l.follow(); err != nil {
			return err
		}
		if err := l.rotateIfDue(); err != nil {
			return err
		}
		return l.write(e)
	})
	if err != nil {
		return 0, &Error{
			Reason: fmt.Sprintf("audit log in %q cannot be written", l.dir),
			Hint:   "make room or mend the folder; until then, what must be audited is refused",
			Err:    errors.Join(ErrUnwritable, err),
		}
	}
	return l.seq, nil
}

// Head returns the newest line's signed head, to be anchored elsewhere.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return signHead(l.key, l.seq, l.hash, l.now())
}

// Close waits for compression and leaves the log to others.
func (l *Log) Close() error {
	l.compressing.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.file != nil {
		err = l.file.Sync()
	}
	return errors.Join(err, l.closeFiles())
}

func (l *Log) closeFiles() error {
	var err error
	for _, file := range []**os.File{&l.file, &l.head, &l.lock} {
		if *file != nil {
			err = errors.Join(err, (*file).Close())
			*file = nil
		}
	}
	return err
}

// locked runs do while no other process writes.
func (l *Log) locked(do func() error) error {
	if err := flock(l.lock, unix.LOCK_EX); err != nil {
		return err
	}
	defer func() { _ = unix.Flock(int(l.lock.Fd()), unix.LOCK_UN) }()
	return do()
}

// write appends one line. Needs the lock.
func (l *Log) write(e Event) error {
	at := l.now()
	text, err := e.line(at, l.seq+1, l.hash).encode()
	if err != nil {
		return err
	}
	n, err := l.file.Write(append(text, '\n'))
	if err != nil {
		return errors.Join(err, l.undo(n))
	}
	head := signHead(l.key, l.seq+1, hashOf(text), at)
	if err := writeHead(l.head, head); err != nil {
		return errors.Join(err, l.undo(n))
	}
	l.size, l.seq, l.hash = l.size+int64(n), l.seq+1, hashOf(text)
	return l.syncIfDue(at)
}

// undo takes back a line that was written in part. If even that fails, the file
// is given up, and opening it again mends it.
func (l *Log) undo(written int) error {
	if written == 0 {
		return nil
	}
	err := l.file.Truncate(l.size)
	if err != nil {
		_ = l.file.Close()
		l.file = nil
	}
	return err
}

// syncEvery is how much a power cut can lose; a crash of the process loses nothing.
const syncEvery = time.Second

func (l *Log) syncIfDue(at time.Time) error {
	if at.Sub(l.synced) < syncEvery && !at.Before(l.synced) {
		return nil
	}
	l.synced = at
	return unix.Fdatasync(int(l.file.Fd()))
}

// follow finds the newest line when another process wrote since. Needs the lock.
func (l *Log) follow() error {
	if l.file != nil {
		mine, err := l.file.Stat()
		if err != nil {
			return err
		}
		there, err := os.Stat(filepath.Join(l.dir, currentFile))
		if err == nil && os.SameFile(mine, there) && there.Size() == l.size {
			return nil
		}
	}
	return l.resume()
}

// resume opens the current file at its end, or begins one. Needs the lock.
func (l *Log) resume() error {
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
	path := filepath.Join(l.dir, currentFile)
	err := checkLstat(path, checkAccess)
	if errors.Is(err, fs.ErrNotExist) {
		return l.begin()
	}
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	l.file = file
	return l.mend()
}

// mend reads where the current file ends. What follows its last newline was
// being written when a process or the machine died. Needs the lock.
func (l *Log) mend() error {
	first, last, torn, err := ends(l.file)
	if err != nil {
		return err
	}
	if last == nil { // died before the first line was whole
		if err := l.file.Close(); err != nil {
			return err
		}
		l.file = nil
		if err := os.Remove(filepath.Join(l.dir, currentFile)); err != nil {
			return err
		}
		return l.begin()
	}
	var newest, oldest Line
	if err := errors.Join(json.Unmarshal(last, &newest), json.Unmarshal(first, &oldest)); err != nil {
		return &Error{Reason: fmt.Sprintf("%q ends in what is no line of ours", filepath.Join(l.dir, currentFile)), Hint: "run: lazaret audit verify", Err: err}
	}
	size, err := l.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	l.size, l.seq, l.hash, l.opened = size-int64(len(torn)), newest.Seq, hashOf(last), oldest.Time
	if len(torn) == 0 {
		return nil
	}
	if err := l.file.Truncate(l.size); err != nil {
		return err
	}
	return l.write(Event{Kind: Recovered, Message: fmt.Sprintf("%d bytes of an unfinished line were removed", len(torn)), Detail: map[string]string{"text": string(torn)}})
}

// begin makes the current file, the next of the chain. Needs the lock.
func (l *Log) begin() error {
	if err := l.lastOfClosed(); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(l.dir, currentFile), os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	l.file, l.size, l.opened = file, 0, l.now()
	return l.write(Event{Kind: Opened})
}

// lastOfClosed takes the chain up where the newest closed file left it.
func (l *Log) lastOfClosed() error {
	segments, err := listSegments(l.dir)
	if err != nil || len(segments) == 0 {
		return err
	}
	l.seq, l.hash, err = lastLine(l.dir, segments[len(segments)-1])
	return err
}

// admitGap writes down that the newest signed line is missing: the end was lost
// or cut off while nobody wrote. Needs the lock.
func (l *Log) admitGap() error {
	text, err := readHeadFile(l.dir)
	if err != nil {
		return err
	}
	head, ok, err := newestHead(text, l.PublicKey())
	if err != nil || !ok || head.Seq <= l.seq {
		return err
	}
	if err := l.head.Truncate(0); err != nil { // the missing lines' numbers are given anew
		return err
	}
	return l.write(Event{
		Kind: Gap, Severity: "Critical", Count: int64(head.Seq - l.seq), //nolint:gosec // far below the bound
		Message: fmt.Sprintf("lines %d to %d were signed and are missing", l.seq+1, head.Seq),
	})
}

// Sign signs a message for a purpose with the log's key, so that whoever trusts
// the log can trust it. The purpose keeps it from passing for anything else, heads
// included: it ends in a newline.
func (l *Log) Sign(purpose string, message []byte) []byte {
	return ed25519.Sign(l.key, append([]byte(purpose), message...))
}
