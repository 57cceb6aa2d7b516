# none, at most 0
import lazaret
for value in ["x" * 3_000_000, float("nan"), 10 ** 400, {"a": {1, 2}}, b"bytes", lambda: 0]:
    try:
        lazaret.libvirt.domain_info(name=value)
        print("carried out")
    except lazaret.Invalid as error:
        print(error.status)
deep = []
for _ in range(100_000):
    deep = [deep]
try:
    lazaret.libvirt.domain_info(name=deep)
except lazaret.Invalid as error:
    print(error.detail)
