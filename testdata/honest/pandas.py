# strict standard minimal
import sys
sys.path.append("/usr/lib/python3/dist-packages")
import platform
platform._Processor.get = classmethod(lambda cls: "")  # Debian's pandas would run "uname -p"
import pandas as pd
f = pd.DataFrame({"k": list("abab"), "v": [1, 2, 3, 4], "t": pd.date_range("2024-01-01", periods=4, tz="Europe/Rome")})
assert f.groupby("k").v.sum().to_dict() == {"a": 4, "b": 6}
assert f.set_index("t").v.resample("2D").sum().tolist() == [3, 7] and "a,1" in f.to_csv(index=False)
