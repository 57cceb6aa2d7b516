# maximum=denied! strict=completed standard=completed minimal=completed; UnauthorizedSystemCall Medium protection rx; makes written memory executable
import ctypes, mmap
page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), 4096, 5)
