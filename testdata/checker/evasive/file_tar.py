# script.file
import io, tarfile
tarfile.open(fileobj=io.BytesIO(b"")).extractall("/tmp")
