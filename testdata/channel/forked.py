# none, at most 2
# A child keeps the descriptor and waits on it when the script is gone.
import os, time, lazaret
lazaret.libvirt.domain_list()
try:
    pid = os.fork()
except OSError:
    pid = -1
if pid == 0:
    try:
        lazaret.libvirt.domain_list()
    except lazaret.Unreachable as error:
        assert "only the process" in error.detail
        while True:
            os.read(5, 1000)
print(lazaret.libvirt.domain_list())
