# maximum=failed strict=failed standard=failed! minimal=failed!; ResourceLimitExceeded Medium /scratch has no inodes left; makes files without end
i = 0
while True:
    open("/scratch/%d" % i, "w").close()
    i += 1
