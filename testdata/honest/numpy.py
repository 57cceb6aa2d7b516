# strict standard minimal
import sys
sys.path.append("/usr/lib/python3/dist-packages")
import numpy as np
a = np.random.default_rng(1).random((300, 300))
assert np.allclose(np.linalg.inv(a) @ a, np.eye(300), atol=1e-6)
assert np.fft.ifft(np.fft.fft(a[0])).real.round(9).tolist() == a[0].round(9).tolist()
