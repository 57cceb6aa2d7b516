import sys
PACKAGES = "/usr/lib/python3/" + "dist-packages"
sys.path.append(PACKAGES)
import numpy as np
print(np.ones(3).sum())
