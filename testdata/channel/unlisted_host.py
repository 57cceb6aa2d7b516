# does not list the host, at most 0
import lazaret
try:
    lazaret.libvirt.domain_list(uri="qemu:///session")
except lazaret.Denied as error:
    print(error.status, error.detail)
