package virttest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// AgentSector is a disk of 512 bytes with a guest that tells its virtio console that
// somebody listens at the first port, and does nothing else. QEMU then says that the
// guest agent is there, which libvirt waits for (virtio 1.2, 5.3.6.2; legacy registers
// of 4.1.4.10).
func AgentSector() []byte {
	sector := make([]byte, 512)
	n := copy(sector, []byte{
		0x31, 0xc0, // xor ax, ax
		0x8e, 0xd8, // mov ds, ax
		0x8e, 0xd0, // mov ss, ax
		0xbc, 0x00, 0x70, // mov sp, 0x7000
		0xb8, 0x02, 0xb1, // mov ax, 0xb102                PCI BIOS: find a device
		0xb9, 0x03, 0x10, // mov cx, 0x1003                a virtio console
		0xba, 0xf4, 0x1a, // mov dx, 0x1af4                of virtio
		0x31, 0xf6, // xor si, si
		0xcd, 0x1a, // int 0x1a
		0x0f, 0x82, 0x86, 0x00, // jc hang
		0xbf, 0x10, 0x00, // mov di, 0x10                  where its ports are
		0xb8, 0x09, 0xb1, // mov ax, 0xb109                PCI BIOS: read
		0xcd, 0x1a, // int 0x1a
		0x83, 0xe1, 0xfc, // and cx, 0xfffc
		0x89, 0xcd, // mov bp, cx
		0xbf, 0x04, 0x00, // mov di, 0x4                   its command
		0xb9, 0x07, 0x00, // mov cx, 0x7                   ports, memory, bus master
		0xb8, 0x0c, 0xb1, // mov ax, 0xb10c                PCI BIOS: write
		0xcd, 0x1a, // int 0x1a
		0x8d, 0x56, 0x12, // lea dx, [bp+0x12]             its status
		0xb0, 0x03, // mov al, 0x3
		0xee,             // out dx, al
		0x8d, 0x56, 0x04, // lea dx, [bp+0x4]              what the driver can
		0x66, 0xb8, 0x02, 0x00, 0x00, 0x00, // mov eax, 0x2                  several ports
		0x66, 0xef, // out dx, eax
		0x8d, 0x56, 0x0e, // lea dx, [bp+0xe]              the queue: what it is told
		0xb8, 0x03, 0x00, // mov ax, 0x3
		0xef,             // out dx, ax
		0x8d, 0x56, 0x08, // lea dx, [bp+0x8]              and where that is
		0x66, 0xb8, 0x10, 0x00, 0x00, 0x00, // mov eax, 0x10
		0x66, 0xef, // out dx, eax
		0x8d, 0x56, 0x12, // lea dx, [bp+0x12]
		0xb0, 0x07, // mov al, 0x7
		0xee,             // out dx, al
		0xb8, 0x00, 0x10, // mov ax, 0x1000                at 0x10000
		0x8e, 0xc0, // mov es, ax
		0x31, 0xff, // xor di, di
		0x31, 0xc0, // xor ax, ax
		0xb9, 0x00, 0x10, // mov cx, 0x1000
		0xfc,       // cld
		0xf3, 0xab, // rep stosw
		0x31, 0xff, // xor di, di
		0x66, 0xb8, 0xa3, 0x7c, 0x00, 0x00, // mov eax, 0x7ca3               the messages
		0xb9, 0x03, 0x00, // mov cx, 0x3
		0x26, 0x66, 0x89, 0x05, // each: mov [es:di], eax
		0x26, 0xc6, 0x45, 0x08, 0x08, // mov byte [es:di+0x8], 0x8     so long
		0x66, 0x83, 0xc0, 0x08, // add eax, 0x8
		0x83, 0xc7, 0x10, // add di, 0x10
		0xe2, 0xee, // loop each
		0x26, 0xc6, 0x06, 0x02, 0x02, 0x03, // mov byte [es:0x202], 0x3      three are to be taken
		0x26, 0xc6, 0x06, 0x06, 0x02, 0x01, // mov byte [es:0x206], 0x1
		0x26, 0xc6, 0x06, 0x08, 0x02, 0x02, // mov byte [es:0x208], 0x2
		0x8d, 0x56, 0x10, // lea dx, [bp+0x10]             there is something in the queue
		0xb8, 0x03, 0x00, // mov ax, 0x3
		0xef,       // out dx, ax
		0xf4,       // hang: hlt
		0xeb, 0xfd, // jmp hang
	})
	for _, event := range []byte{0, 3, 6} { // the device, the port is ready; the port is open
		n += copy(sector[n:], []byte{1, 0, 0, 0, event, 0, 1, 0})
	}
	sector[510], sector[511] = 0x55, 0xaa
	return sector
}

// Agent answers a guest agent's commands: with what it writes as it is, which nothing
// ends but a line's end. It may answer nothing.
type Agent func(command string) string

// StartWithAgent starts a guest whose agent is outside of it: QEMU and libvirt both
// connect to its socket, and libvirt is answered. It ends with the daemon.
func (d *Daemon) StartWithAgent(tb testing.TB, name string, agent Agent) {
	tb.Helper()
	disk := name + "-agent.raw"
	d.AddImage(tb, disk, AgentSector())
	socket := filepath.Join(d.Dir, "agent-"+name)
	agent.listen(tb, socket)
	xml := filepath.Join(d.Dir, name+".xml")
	require.NoError(tb, os.WriteFile(xml, fmt.Appendf(nil, agentXML, name, filepath.Join(d.pool(), disk), socket), 0o600))
	d.virsh(tb, "create", xml)
}

const agentXML = `<domain type='qemu'><name>%s</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/><target dev='hda' bus='ide'/></disk>
<channel type='unix'><source mode='connect' path='%s'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
</devices></domain>`

func (agent Agent) listen(tb testing.TB, socket string) {
	tb.Helper()
	l, err := net.Listen("unix", socket) //nolint:noctx // it ends with the test
	require.NoError(tb, err)
	var mu sync.Mutex
	var open []net.Conn
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			serving.Go(func() { agent.serve(c) })
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
}

// serve answers whoever asks; QEMU, which carries what the guest says, never does.
func (agent Agent) serve(c net.Conn) {
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		var request struct {
			Execute   string `json:"execute"`
			Arguments struct {
				ID json.Number `json:"id"`
			} `json:"arguments"`
		}
		if json.Unmarshal(bytes.TrimLeft(lines.Bytes(), "\xff"), &request) != nil {
			continue
		}
		answer := agent(request.Execute)
		switch request.Execute {
		case "guest-sync":
			answer = fmt.Sprintf(`{"return":%s}`, request.Arguments.ID)
		case "guest-sync-delimited":
			answer = fmt.Sprintf("\xff{\"return\":%s}", request.Arguments.ID)
		}
		if answer == "" {
			continue
		}
		if _, err := io.WriteString(c, answer+"\n"); err != nil {
			return
		}
	}
}
