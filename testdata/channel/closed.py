# none, at most 0
import os, lazaret
os.close(5)
try:
    lazaret.libvirt.domain_list()
except lazaret.Unreachable as error:
    print(error.detail)
