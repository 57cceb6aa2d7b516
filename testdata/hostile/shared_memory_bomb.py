# maximum=memory-limit! strict=memory-limit! standard=memory-limit! minimal=memory-limit!; ResourceLimitExceeded Medium memory; takes its memory as shared pages
import mmap
m = mmap.mmap(-1, 1 << 30)
for i in range(0, 1 << 30, 4096):
    m[i] = 1
