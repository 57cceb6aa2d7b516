# maximum=signalled strict=signalled standard=signalled minimal=signalled; none; ends by a signal
import os
os.abort()
