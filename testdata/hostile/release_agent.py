# maximum=denied! strict=completed! standard=completed! minimal=completed!; UnauthorizedFileAccess Medium write "/sys/fs/cgroup/release_agent"; has the kernel run a program for its group
import glob
for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/rdma"):
    try:
        open(root + "/release_agent", "w").write("/scratch/x")
    except OSError:
        continue
    print("ESCAPED")
