# maximum=signalled strict=signalled standard=signalled minimal=signalled; none; reads where nothing is
import ctypes
ctypes.string_at(8)
