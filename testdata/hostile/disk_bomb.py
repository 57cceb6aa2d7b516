# maximum=failed strict=failed standard=failed! minimal=memory-limit!; ResourceLimitExceeded Medium /scratch is full or ResourceLimitExceeded Medium memory; fills the disk
with open("/scratch/x", "wb") as f:
    while True:
        f.write(bytes(1 << 20))
