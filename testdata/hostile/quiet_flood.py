# maximum=denied strict=denied standard=denied minimal=denied; none; keeps the supervisor busy with small things
import os
while True:
    try:
        os.mkdir("/nowhere")
    except OSError:
        pass
