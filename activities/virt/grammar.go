package virt

import (
	"regexp"
	"slices"
	"strings"
)

// grammar is the structural allow-list of raw XML: a line an element, by its path,
// with the attributes it may have. What no line names is refused.
//
//	attribute            any plain word: letters, digits, and . _ : + - and blanks
//	attribute=a|b        one of these
//	attribute=@path      a path of the host, which must lie inside an active storage pool
//	attribute=@loopback  an address of the loopback interface
//	#word #name #uuid #text #=a|b   what the element's text may be; without one it has none
//
// Not here, and why: emulator, loader, nvram, kernel, initrd, cmdline (they name
// files that run); filesystem, shmem, tpm, smartcard, redirdev (they reach into
// the host); sources of serial ports and channels (files, sockets, commands);
// metadata and everything in a namespace (qemu:commandline).
const grammarText = `
domain type=kvm|qemu|test
domain/name #name
domain/uuid #uuid
domain/title #text
domain/description #text
domain/memory unit #word
domain/currentMemory unit #word
domain/vcpu placement=static current #word
domain/os
domain/os/type arch machine #=hvm
domain/os/boot dev=hd|cdrom|network
domain/os/bootmenu enable=yes|no
domain/features
domain/features/acpi
domain/features/apic
domain/features/pae
domain/features/vmport state=on|off
domain/cpu mode=host-passthrough|host-model|maximum|custom match=exact|minimum|strict check=none|partial|full migratable=on|off
domain/cpu/model fallback=allow|forbid #word
domain/cpu/topology sockets dies cores threads
domain/cpu/feature policy=force|require|optional|disable|forbid name
domain/clock offset=utc|localtime
domain/clock/timer name tickpolicy present=yes|no
domain/on_poweroff #=destroy|restart|preserve
domain/on_reboot #=destroy|restart|preserve
domain/on_crash #=destroy|restart|preserve
domain/pm
domain/pm/suspend-to-mem enabled=yes|no
domain/pm/suspend-to-disk enabled=yes|no
domain/devices
domain/devices/disk type=volume|file device=disk|cdrom
domain/devices/disk/driver name=qemu type=qcow2|raw cache=none|writeback|writethrough|directsync|unsafe discard=ignore|unmap io=native|threads|io_uring
domain/devices/disk/source pool volume file=@path
domain/devices/disk/target dev bus=virtio|scsi|sata|ide|usb|fdc
domain/devices/disk/readonly
domain/devices/disk/boot order
domain/devices/disk/serial #word
domain/devices/disk/address type=drive|pci domain bus slot function multifunction=on|off controller target unit
domain/devices/controller type=usb|ide|scsi|sata|pci|virtio-serial index model ports
domain/devices/controller/model name
domain/devices/controller/target chassis port chassisNr hotplug=on|off
domain/devices/controller/address type=pci domain bus slot function multifunction=on|off
domain/devices/interface type=network
domain/devices/interface/mac address
domain/devices/interface/source network
domain/devices/interface/model type=virtio|e1000|e1000e|rtl8139
domain/devices/interface/link state=up|down
domain/devices/interface/boot order
domain/devices/interface/address type=pci domain bus slot function multifunction=on|off
domain/devices/serial type=pty
domain/devices/serial/target type=isa-serial|pci-serial|system-serial port
domain/devices/serial/target/model name
domain/devices/console type=pty
domain/devices/console/target type=serial|virtio port
domain/devices/channel type=unix
domain/devices/channel/target type=virtio name=org.qemu.guest_agent.0
domain/devices/input type=mouse|keyboard|tablet bus=ps2|usb|virtio
domain/devices/graphics type=vnc|spice port autoport=yes|no listen=@loopback
domain/devices/graphics/listen type=address|none address=@loopback
domain/devices/video
domain/devices/video/model type=none|vga|virtio|qxl|bochs|cirrus vram ram vgamem heads primary=yes|no
domain/devices/memballoon model=virtio|none
domain/devices/memballoon/stats period
domain/devices/rng model=virtio
domain/devices/rng/backend model=random #=/dev/urandom|/dev/random
domain/devices/watchdog model=itco|i6300esb|ib700 action=reset|shutdown|poweroff|pause|none
domain/devices/panic model=isa|pvpanic
domain/devices/hostdev mode=subsystem type=pci|usb managed=yes|no
domain/devices/hostdev/source
domain/devices/hostdev/source/vendor id
domain/devices/hostdev/source/product id
domain/devices/hostdev/source/address domain bus slot function device
domain/devices/hostdev/address type=pci|usb domain bus slot function port
`

// permission is what one element may be.
type permission struct {
	attributes map[string]string // its form by name; empty: a word
	text       string            // without the #; empty: none
}

var grammar = readGrammar(grammarText)

func readGrammar(text string) map[string]permission {
	permissions := map[string]permission{}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		words := strings.Fields(line)
		p := permission{attributes: map[string]string{}}
		for _, word := range words[1:] {
			if form, ok := strings.CutPrefix(word, "#"); ok {
				p.text = form
				continue
			}
			name, form, _ := strings.Cut(word, "=")
			p.attributes[name] = form
		}
		permissions[words[0]] = p
	}
	return permissions
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._:+ -]*$`)

// fits says whether a value has the form.
func fits(form, value string) bool {
	switch form {
	case "", "word":
		return plainWord.MatchString(value)
	case "name":
		return CheckName(value) == nil
	case "uuid":
		return CheckUUID(value) == nil
	case "text":
		return len(value) <= MaxText && checkPrintable(strings.NewReplacer("\n", " ", "\t", " ").Replace(value)) == nil
	case "@path":
		return checkPath(value) == nil
	case "@loopback":
		return value == "127.0.0.1" || value == "::1" || value == "localhost"
	}
	return slices.Contains(strings.Split(strings.TrimPrefix(form, "="), "|"), value)
}
