# maximum=denied! strict=completed standard=completed minimal=completed; UnauthorizedSystemCall Medium protection rwx; runs code that it wrote into memory
import ctypes, mmap, os
arm = os.uname().machine == "aarch64"
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(b"\x40\x05\x80\x52\xc0\x03\x5f\xd6" if arm else b"\xb8\x2a\x00\x00\x00\xc3")  # mov w0 or eax, 42; ret
start = ctypes.addressof(ctypes.c_char.from_buffer(page))
if arm:
    ctypes.CDLL("libgcc_s.so.1").__clear_cache(ctypes.c_void_p(start), ctypes.c_void_p(start + 8))
ctypes.CFUNCTYPE(ctypes.c_int)(start)()
