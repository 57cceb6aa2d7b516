# standard minimal
import sys
sys.path.append("/usr/lib/python3/dist-packages")
import numpy as np
np.save("/scratch/a.npy", np.arange(10))
m = np.memmap("/scratch/m", dtype="u1", mode="w+", shape=(4096,))
m[:] = 7
m.flush()
assert np.load("/scratch/a.npy").sum() == 45 and np.fromfile("/scratch/m", "u1").sum() == 7 * 4096
