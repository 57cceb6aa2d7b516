# maximum=failed standard=failed: opens descriptors without end
import os
while True:
    os.open("/dev/null", os.O_RDONLY)
