# domain.delete is not allowed, at most 0
import lazaret
try:
    lazaret.libvirt.domain_delete("web-1", storage=True)
except lazaret.Denied as error:
    print(error.status, error.detail)
