# script.file
import io
io.open("/etc/passwd")
