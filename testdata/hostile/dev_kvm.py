# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High write "/dev/kvm"; opens the hypervisor
open("/dev/kvm", "r+b")
print("ESCAPED")
