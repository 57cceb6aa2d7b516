# maximum=failed strict=completed standard=completed minimal=completed; none; leaves a thread that never ends
import threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
