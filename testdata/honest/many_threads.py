# strict standard minimal
import threading
b = threading.Barrier(30)
ts = [threading.Thread(target=b.wait) for _ in range(29)]
[t.start() for t in ts]
b.wait()
[t.join() for t in ts]
