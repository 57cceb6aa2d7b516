# maximum strict standard minimal
import os, sys, platform, resource, time, locale
assert os.getpid() == 2 and os.getuid() == 1000 and os.cpu_count() >= 1
assert platform.system() == "Linux" and platform.python_version() and sys.version_info >= (3, 9)
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0 and resource.getrlimit(resource.RLIMIT_NOFILE)
time.sleep(0.01), time.process_time(), time.monotonic_ns(), locale.getlocale()
