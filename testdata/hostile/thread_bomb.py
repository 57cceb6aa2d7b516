# maximum=failed strict=pids-limit! standard=pids-limit! minimal=pids-limit!; ResourceLimitExceeded Medium processes; starts threads without end
import threading, time
while True:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
