# maximum=denied! strict=denied! standard=denied! minimal=denied!; UnauthorizedSystemCall Medium protection rwx or UnauthorizedSystemCall Critical ended by SIGSYS: a system call through a foreign A; calls through the i386 ABI
# only: amd64
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20 (getpid); int 0x80; ret
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
print("ESCAPED")
