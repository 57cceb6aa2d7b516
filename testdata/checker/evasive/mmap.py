# script.native
import mmap
mmap.mmap(-1, 4096)
