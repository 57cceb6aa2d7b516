# maximum=denied! strict=failed! standard=completed! minimal=completed!; UnauthorizedSystemCall Medium execute "/bin/sh" or UnauthorizedFileAccess High read "/etc/shadow"; becomes a shell
import os
os.execv("/bin/sh", ["sh", "-c", "cat /etc/shadow && echo ESCAPED; exit 0"])
