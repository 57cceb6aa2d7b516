import queue
import threading
lock = threading.Lock()
with lock:
    print(queue.Queue().qsize())
