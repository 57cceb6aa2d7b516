import io
from PIL import Image
image = Image.open(io.BytesIO(b""))
