package sandbox

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// memory is that of a thread stopped in a system call. What it holds is advisory:
// another thread may change it at any time, before the kernel reads it or after.
// It belongs to the stopped thread only if the notification is still valid after
// the reading, see seccomp.Listener.Alive.
type memory struct{ tid int }

const pageSize = 4096

// maxPath is PATH_MAX: the kernel refuses longer ones.
const maxPath = 4096

// read copies up to n bytes, fewer where the mapping ends. It asks page by page:
// process_vm_readv(2) gives all of an element or nothing of it.
func (m memory) read(address uint64, n int) []byte {
	buffer := make([]byte, n)
	var remote []unix.RemoteIovec
	for at, end := address, address+uint64(n); at < end; {
		next := min((at|(pageSize-1))+1, end)
		if next <= at { // the address space's end
			break
		}
		remote = append(remote, unix.RemoteIovec{Base: uintptr(at), Len: int(next - at)})
		at = next
	}
	if address == 0 || len(remote) == 0 {
		return nil
	}
	got, err := unix.ProcessVMReadv(m.tid, []unix.Iovec{iovec(buffer)}, remote, 0)
	if err != nil {
		return nil
	}
	return buffer[:got]
}

func iovec(b []byte) unix.Iovec {
	v := unix.Iovec{Base: &b[0]}
	v.SetLen(len(b))
	return v
}

// text reads a C string; empty when it is unreadable or does not end.
func (m memory) text(address uint64) string {
	// Most paths are short: the rest of the page, then all that a path may be.
	for _, n := range []int{256, maxPath} {
		if text, _, ended := bytes.Cut(m.read(address, n), []byte{0}); ended {
			return string(text)
		}
	}
	return ""
}

func (m memory) word(address uint64) uint64 {
	if b := m.read(address, 8); len(b) == 8 {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// maxAddress is the size of struct sockaddr_storage.
const maxAddress = 128

// address reads a socket address.
func (m memory) address(at, length uint64) socketAddress {
	return parseAddress(m.read(at, int(min(length, maxAddress))))
}

// socketAddress is one of a family that we can tell more of than its number.
type socketAddress struct {
	family uint16
	ip     netip.AddrPort // AF_INET, AF_INET6
	path   string         // AF_UNIX, a file
	name   string         // AF_UNIX, abstract
}

func parseAddress(b []byte) socketAddress {
	if len(b) < 2 {
		return socketAddress{}
	}
	a := socketAddress{family: binary.LittleEndian.Uint16(b)}
	switch {
	case a.family == unix.AF_INET && len(b) >= 8:
		a.ip = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:]))
	case a.family == unix.AF_INET6 && len(b) >= 24:
		a.ip = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), binary.BigEndian.Uint16(b[2:]))
	case a.family == unix.AF_UNIX && len(b) > 2 && b[2] == 0:
		a.name = string(bytes.TrimRight(b[3:], "\x00"))
	case a.family == unix.AF_UNIX && len(b) > 2:
		path, _, _ := bytes.Cut(b[2:], []byte{0})
		a.path = string(path)
	}
	return a
}

func (a socketAddress) String() string {
	switch {
	case a.ip.IsValid():
		return family(uint32(a.family)) + " " + a.ip.String()
	case a.path != "":
		return "AF_UNIX " + clip(a.path)
	case a.name != "":
		return "AF_UNIX abstract " + clip(a.name)
	}
	return family(uint32(a.family))
}

// maxText bounds each piece of hostile text in a violation.
const maxText = 200

// clip makes hostile text printable, quoted and short.
func clip(s string) string {
	if len(s) > maxText {
		return strconv.QuoteToASCII(s[:maxText]) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// directory is what a relative path starts from: a descriptor of the thread, or
// its working directory. Empty when that is not a directory with a name of at
// most maxPath bytes.
func (m memory) directory(fd uint64) string {
	link := fmt.Sprintf("/proc/%d/cwd", m.tid)
	if int32(fd) != unix.AT_FDCWD {
		link = fmt.Sprintf("/proc/%d/fd/%d", m.tid, int32(fd))
	}
	dir, err := os.Readlink(link)
	if err != nil || !strings.HasPrefix(dir, "/") {
		return ""
	}
	return dir
}
