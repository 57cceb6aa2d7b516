# maximum=failed strict=failed standard=failed minimal=failed; none; links a system file into its scratch
import os
os.link("/usr/bin/env", "/scratch/env")
print("ESCAPED")
