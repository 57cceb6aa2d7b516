# maximum=failed strict=failed standard=failed minimal=failed; none; ends as if the kernel had killed it
import os
os._exit(137)
