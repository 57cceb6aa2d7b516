# maximum=signalled standard=signalled: ends by a signal
import os
os.abort()
