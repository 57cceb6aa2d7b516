import io
import zipfile
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as archive:
    archive.writestr("a.txt", "hello")
with zipfile.ZipFile(buffer) as archive, archive.open("a.txt") as file:
    print(file.read())
