# strict standard minimal
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(16) as p:
    assert sum(p.map(lambda i: i * i, range(1000))) == 332833500
