package driver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"lazaret.dev/lazaret/activities/virt"
)

// process is one running libvirt process.
type process struct {
	os     *os.Process
	socket *os.File
	down   writer
	stderr *tail
	ended  chan struct{} // closed when nothing more will come from it

	mu      sync.Mutex
	next    uint64
	pending map[uint64]*pending
	waiting int  // calls that somebody still waits for
	retired bool // kill it when nobody waits any more
	why     string
}

type pending struct {
	progress func(virt.Progress)
	happened func(virt.Happening)
	answer   chan up // capacity 1
}

// startTime is how long a process may take to be ready.
const startTime = 15 * time.Second

// cancelTime is how long a cancelled call may take to end before its process is retired.
const cancelTime = 500 * time.Millisecond

// lastWords is how long the last of what a process wrote may take to be read. Who holds
// its standard error beside it, such as ssh, is not waited for.
const lastWords = time.Second

var errNotReady = errors.New("it did not become ready")

// startProcess starts a process and waits until it is ready for calls.
func startProcess(ctx context.Context, s *spawner, uri string) (*process, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "socket")
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		return nil, errors.Join(err, syscall.Close(fds[0]), theirs.Close())
	}
	p := &process{
		socket: os.NewFile(uintptr(fds[0]), "socket"), stderr: newTail(),
		ended: make(chan struct{}), pending: map[uint64]*pending{},
	}
	p.down.w = p.socket
	err = p.spawn(s, uri, theirs)
	if err = errors.Join(err, theirs.Close()); err != nil {
		return nil, errors.Join(err, p.socket.Close())
	}
	reader := bufio.NewReader(p.socket)
	if err := p.awaitReady(ctx, reader); err != nil {
		p.kill()
		go p.read(reader) // to its end, which is near
		<-p.ended
		if errors.Is(err, errNotReady) { // why, in the loader's words, or the runtime's
			err = fmt.Errorf("%w: %s", err, p.why)
		}
		return nil, err
	}
	go p.read(reader)
	return p, nil
}

func (p *process) spawn(s *spawner, uri string, theirs *os.File) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	p.os, err = s.start(uri, []uintptr{s.null.Fd(), write.Fd(), write.Fd(), theirs.Fd()})
	_ = write.Close()
	if err != nil {
		return errors.Join(err, read.Close())
	}
	go p.stderr.drain(read)
	return nil
}

func (p *process) awaitReady(ctx context.Context, r *bufio.Reader) error {
	limit := time.Now().Add(startTime)
	if d, ok := ctx.Deadline(); ok && d.Before(limit) {
		limit = d
	}
	if err := p.socket.SetReadDeadline(limit); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.socket.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var first up
	if err := readFrame(r, &first); err != nil {
		return fmt.Errorf("%w: %w", errNotReady, err)
	}
	if !first.Ready {
		return fmt.Errorf("it could not confine itself: %s", first.Fatal)
	}
	if !stop() {
		return context.Cause(ctx)
	}
	return p.socket.SetReadDeadline(time.Time{})
}

// read hands out frames until the socket ends, then fails all calls and reaps the process.
func (p *process) read(r *bufio.Reader) {
	var err error
	for {
		var frame up
		if err = readFrame(r, &frame); err != nil {
			break
		}
		p.deliver(frame)
	}
	p.kill()
	state, _ := p.os.Wait()
	_ = p.socket.Close()
	p.stderr.await(lastWords)
	p.mu.Lock()
	p.why = p.obituary(state, err)
	p.mu.Unlock()
	close(p.ended)
}

func (p *process) obituary(state *os.ProcessState, err error) string {
	why := "the libvirt process ended"
	if state != nil {
		why += ": " + state.String()
	}
	if errors.Is(err, errFrame) {
		why += ": " + err.Error()
	}
	if words := p.stderr.words(); words != "" {
		why += ": " + words
	}
	return why
}

func (p *process) deliver(frame up) {
	p.mu.Lock()
	waiting := p.pending[frame.ID]
	if frame.Progress == nil && frame.Happened == nil {
		delete(p.pending, frame.ID)
	}
	p.mu.Unlock()
	switch {
	case waiting == nil:
	case frame.Progress != nil:
		if waiting.progress != nil {
			waiting.progress(*frame.Progress)
		}
	case frame.Happened != nil:
		if waiting.happened != nil {
			waiting.happened(*frame.Happened)
		}
	default:
		waiting.answer <- frame
	}
}

// lostError says why the process ended before it answered.
type lostError struct{ why string }

func (e *lostError) Error() string { return e.why }

// call waits for the answer of one call, for the context's end, or for the process's.
func (p *process) call(ctx context.Context, call virt.Call, progress func(virt.Progress)) (json.RawMessage, error) {
	waiting := &pending{progress: progress, answer: make(chan up, 1)}
	p.mu.Lock()
	p.next++
	id := p.next
	p.pending[id] = waiting
	p.waiting++
	p.mu.Unlock()
	defer p.leave()
	if err := p.down.write(down{ID: id, Call: &call}); errors.Is(err, errFrame) {
		return nil, virt.Errorf(virt.Invalid, "the arguments are too large: %v", err)
	}
	select {
	case answer := <-waiting.answer:
		return conclude(answer)
	case <-p.ended:
		return p.lost(waiting)
	case <-ctx.Done():
		return p.give(ctx, id, waiting)
	}
}

// watch tells what happens until the context or the process ends. It does not keep
// a retired process: whoever watches begins again.
func (p *process) watch(ctx context.Context, tell func(virt.Happening)) error {
	waiting := &pending{happened: tell, answer: make(chan up, 1)}
	p.mu.Lock()
	p.next++
	id := p.next
	p.pending[id] = waiting
	p.mu.Unlock()
	_ = p.down.write(down{ID: id, Watch: true}) // a broken socket ends the process
	var err error
	select {
	case answer := <-waiting.answer:
		_, err = conclude(answer)
	case <-p.ended:
		_, err = p.lost(waiting)
	case <-ctx.Done():
		_ = p.down.write(down{ID: id, Cancel: true})
		err = context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, id)
	return err
}

func conclude(answer up) (json.RawMessage, error) {
	if answer.Error != nil {
		return nil, answer.Error
	}
	return answer.Result, nil
}

// lost is how a call ends whose process did; its answer may have come just before.
func (p *process) lost(waiting *pending) (json.RawMessage, error) {
	select {
	case answer := <-waiting.answer:
		return conclude(answer)
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return nil, &lostError{p.why}
}

// give up a call: ask the process to end it, and retire the process if it does not.
func (p *process) give(ctx context.Context, id uint64, waiting *pending) (json.RawMessage, error) {
	_ = p.down.write(down{ID: id, Cancel: true})
	timer := time.NewTimer(cancelTime)
	defer timer.Stop()
	select {
	case answer := <-waiting.answer:
		if answer.Error == nil {
			return answer.Result, nil
		}
	case <-p.ended:
	case <-timer.C:
		p.retire()
	}
	return nil, context.Cause(ctx)
}

func (p *process) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = true
}

// usable says whether new calls may go there.
func (p *process) usable() bool {
	select {
	case <-p.ended:
		return false
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.retired
}

// leave ends a retired process with the last call that somebody waits for.
func (p *process) leave() {
	p.mu.Lock()
	p.waiting--
	over := p.retired && p.waiting == 0
	p.mu.Unlock()
	if over {
		p.kill()
	}
}

func (p *process) kill() { _ = p.os.Kill() }

// tail keeps the beginning and the last line of what a process writes on its
// standard error: the beginning of a trace says what happened.
type tail struct {
	mu   sync.Mutex
	head []byte
	last []byte
	done chan struct{} // closed when all was read
}

func newTail() *tail { return &tail{done: make(chan struct{})} }

const maxTail = 2 << 10

func (t *tail) drain(r *os.File) {
	defer func() { _ = r.Close() }()
	defer close(t.done)
	buffer := make([]byte, 1024)
	for {
		n, err := r.Read(buffer)
		t.keep(buffer[:n])
		if err != nil {
			return
		}
	}
}

// await waits until all was read, for so long at most.
func (t *tail) await(most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-t.done:
	case <-timer.C:
	}
}

func (t *tail) keep(text []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head = append(t.head, text[:min(len(text), maxTail-len(t.head))]...)
	t.last = append(t.last, text...)
	t.last = t.last[max(0, len(t.last)-maxTail):]
}

// words is the first line of a trace, or the last line written, made printable.
func (t *tail) words() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := strings.Split(strings.TrimSpace(string(t.last)), "\n")
	line := last[len(last)-1]
	for l := range strings.SplitSeq(string(t.head), "\n") {
		if strings.HasPrefix(l, "panic:") || strings.HasPrefix(l, "fatal error:") || strings.HasPrefix(l, "SIG") {
			line = l
			break
		}
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r > 0xffff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(line[:min(len(line), 300)], ""))
}
