# maximum=failed strict=failed standard=failed minimal=failed; none; takes the kernel's memory as pipe buffers
import fcntl, os
keep = []
while True:
    r, w = os.pipe()
    keep += [r, w]
    os.set_blocking(w, False)
    try:
        os.write(w, bytes(1 << 16))
    except BlockingIOError:
        pass
