# script.shell
import pty
pty.spawn("/bin/sh")
