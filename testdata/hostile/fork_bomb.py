# maximum=denied standard=pids-limit: starts processes without end
import os, time
while True:
    if os.fork() == 0:
        time.sleep(60)
