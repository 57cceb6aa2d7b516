# script.control
import signal
signal.alarm(1)
