# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium write "/proc/self/oom_score_adj"; exempts itself from the memory limit
open("/proc/self/oom_score_adj", "w").write("-1000")
print("ESCAPED")
