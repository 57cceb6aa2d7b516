# maximum=failed standard=pids-limit: starts threads without end
import threading, time
while True:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
