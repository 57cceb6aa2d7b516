package virttest

import "encoding/base64"

// BootSector is a disk of 512 bytes with a guest on it, for a PC with QEMU's ACPI
// registers. It writes "guest has booted" to its serial port once and "guest is up"
// again and again, and switches itself off when the power button is pressed.
func BootSector() []byte {
	sector := make([]byte, 512)
	copy(sector, []byte{
		0x31, 0xc0, // xor ax, ax
		0x8e, 0xd8, // mov ds, ax
		0xfb,             // sti
		0xba, 0x02, 0x06, // mov dx, 0x602      PM1 enable
		0xb8, 0x00, 0x01, // mov ax, 0x100      the power button
		0xef,             // out dx, ax
		0xbe, 0x33, 0x7c, // mov si, hello
		0xba, 0xf8, 0x03, // next: mov dx, 0x3f8    the serial port
		0xac,       // more: lodsb
		0x84, 0xc0, // test al, al
		0x74, 0x03, // jz poll
		0xee,       // out dx, al
		0xeb, 0xf8, // jmp more
		0xba, 0x00, 0x06, // poll: mov dx, 0x600    PM1 status
		0xed,             // in ax, dx
		0xf6, 0xc4, 0x01, // test ah, 1         pressed?
		0x75, 0x06, // jnz off
		0xf4,             // hlt                until the next tick of the clock
		0xbe, 0x46, 0x7c, // mov si, text
		0xeb, 0xe6, // jmp next
		0xba, 0x04, 0x06, // off: mov dx, 0x604     PM1 control
		0xb8, 0x00, 0x20, // mov ax, 0x2000     sleep, type 0: off
		0xef,       // out dx, ax
		0xf4,       // stop: hlt
		0xeb, 0xfd, // jmp stop
	})
	copy(sector[0x33:], "guest has booted\r\n\x00guest is up\r\n\x00")
	sector[510], sector[511] = 0x55, 0xaa
	return sector
}

// BootOnceSector is BootSector with a guest that marks its disk when it boots, and
// is deaf and dumb when it boots from a marked one.
func BootOnceSector() []byte {
	sector := BootSector()
	copy(sector, []byte{0xeb, 0x5e}) // jmp once    for xor ax, ax, which once does
	copy(sector[0x60:], []byte{
		0x31, 0xc0, // once: xor ax, ax
		0x8e, 0xd8, // mov ds, ax
		0x8e, 0xc0, // mov es, ax
		0x80, 0x3e, 0xf0, 0x7d, 0x00, // cmp byte [0x7df0], 0
		0x75, 0x16, // jne dead
		0xfe, 0x06, 0xf0, 0x7d, // inc byte [0x7df0]
		0xb8, 0x01, 0x03, // mov ax, 0x301      write one sector
		0xbb, 0x00, 0x7c, // mov bx, 0x7c00     from here
		0xb9, 0x01, 0x00, // mov cx, 1          to the disk's first
		0xb6, 0x00, // mov dh, 0           of the drive that was booted
		0xcd, 0x13, // int 0x13
		0x31, 0xc0, // xor ax, ax
		0xe9, 0x7f, 0xff, // jmp 2
		0xfa,       // dead: cli
		0xf4,       // hlt
		0xeb, 0xfd, // jmp dead+1
	})
	return sector
}

// BootSectorBase64 is BootSector for volume.upload.
func BootSectorBase64() string { return base64.StdEncoding.EncodeToString(BootSector()) }
