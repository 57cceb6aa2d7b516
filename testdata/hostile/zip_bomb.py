# maximum=failed strict=failed standard=failed! minimal=memory-limit!; ResourceLimitExceeded Medium /scratch is full or ResourceLimitExceeded Medium memory; unpacks far more than it packed
import io, zipfile
b = io.BytesIO()
with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z, z.open("x", "w", force_zip64=True) as f:
    for _ in range(300):
        f.write(bytes(1 << 20))
zipfile.ZipFile(b).extractall("/scratch")
