# none, at most 0
import lazaret
for name in ["", "../../etc/passwd", "a\nb", "a\0b", "x" * 300, "<domain/>", "a'b\"c&", 5, True, ["a"], {"a": 1}]:
    try:
        lazaret.libvirt.domain_info(name)
        print("carried out", name)
    except lazaret.Invalid as error:
        print(error.status)
