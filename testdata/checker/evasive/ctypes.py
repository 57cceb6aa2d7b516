# script.native
import ctypes
ctypes.CDLL(None).system(b"echo ESCAPED")
