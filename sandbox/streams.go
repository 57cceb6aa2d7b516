package sandbox

import (
	"errors"
	"os"
	"sync"
	"time"
)

// floodFactor is how far beyond its bound an output may go before the run ends.
const floodFactor = 16

// streams move a program's input and output. Each has one goroutine, which ends
// with its pipe.
type streams struct {
	slot           *slot
	stdout, stderr *collector
	tasks          sync.WaitGroup
}

func (x *run) openStreams() *streams {
	flood := func() { x.end(OutputLimit) }
	s := &streams{
		slot:   x.slot,
		stdout: &collector{limit: x.spec.Limits.Stdout, flood: flood},
		stderr: &collector{limit: x.spec.Limits.Stderr, flood: flood},
	}
	s.tasks.Go(func() { s.stdout.drain(x.slot.stdout) })
	s.tasks.Go(func() { s.stderr.drain(x.slot.stderr) })
	s.feed(x.slot.stdin, x.spec.Stdin)
	s.feed(x.slot.args, x.spec.Arguments)
	return s
}

// atOnce is what an empty pipe always takes without waiting for a reader.
const atOnce = 4096

// feed writes input and closes the pipe. A program that does not read its input
// is no fault, so errors are dropped.
func (s *streams) feed(f *os.File, b []byte) {
	if len(b) <= atOnce {
		_, _ = f.Write(b)
		_ = f.Close()
		return
	}
	s.tasks.Go(func() {
		_, _ = f.Write(b)
		_ = f.Close()
	})
}

// wait returns when all output is collected. Preconditions: the sandbox's
// processes are gone, so the pipes end by themselves; the deadline is for the case
// that this is wrong.
func (s *streams) wait() {
	deadline := time.Now().Add(5 * time.Second)
	_ = s.slot.stdout.SetReadDeadline(deadline)
	_ = s.slot.stderr.SetReadDeadline(deadline)
	_ = s.slot.stdin.Close()
	_ = s.slot.args.Close()
	s.tasks.Wait()
}

// close ends the goroutines early.
func (s *streams) close() {
	_ = closeAll([]*os.File{s.slot.stdin, s.slot.args, s.slot.stdout, s.slot.stderr})
	s.tasks.Wait()
}

// collector keeps the beginning of an output and counts the rest.
type collector struct {
	limit int64
	flood func()
	kept  []byte
	total int64
}

func (c *collector) drain(f *os.File) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := f.Read(buffer)
		c.take(buffer[:n])
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 {
			return
		}
	}
}

func (c *collector) take(b []byte) {
	before := c.total
	c.total += int64(len(b))
	if room := c.limit - int64(len(c.kept)); room > 0 {
		c.kept = append(c.kept, b[:min(int64(len(b)), room)]...)
	}
	if bound := c.limit * floodFactor; before <= bound && c.total > bound {
		c.flood()
	}
}

func (c *collector) truncated() bool { return c.total > int64(len(c.kept)) }
