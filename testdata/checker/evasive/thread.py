# script.thread
import threading
threading.Thread(target=print, args=("ESCAPED",)).start()
