import io
import pandas as pd
frame = pd.read_csv(io.StringIO("a,b\n1,2"))
print(frame.eval)
