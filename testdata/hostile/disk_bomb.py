# maximum=failed standard=failed: fills the disk
with open("/scratch/x", "wb") as f:
    while True:
        f.write(bytes(1 << 20))
