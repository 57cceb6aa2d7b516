# maximum=failed strict=failed standard=failed minimal=failed; none; opens descriptors without end
import os
while True:
    os.open("/dev/null", os.O_RDONLY)
