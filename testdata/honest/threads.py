# strict standard minimal
import threading, queue
q, done = queue.Queue(), []
lock = threading.Lock()
def work():
    while (x := q.get()) is not None:
        with lock:
            done.append(x * x)
ts = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in ts]
[q.put(i) for i in range(1000)]
[q.put(None) for _ in ts]
[t.join() for t in ts]
assert sum(done) == 332833500
