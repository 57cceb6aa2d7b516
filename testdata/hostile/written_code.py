# maximum=denied! strict=completed standard=completed minimal=completed; UnauthorizedSystemCall Medium protection rwx; runs code that it wrote into memory
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(b"\xb8\x2a\x00\x00\x00\xc3")  # mov eax, 42; ret
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
