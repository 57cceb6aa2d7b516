# none, at most 0
import lazaret
try:
    lazaret.libvirt.domain_list(uri="qemu+ssh://host/system?command=/bin/sh")
except lazaret.Invalid as error:
    print(error.status, error.detail)
