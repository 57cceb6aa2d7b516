# maximum strict standard minimal
import http.client, urllib.request, ssl, socket, email.message, smtplib, ftplib
assert ssl.create_default_context() and urllib.request.Request("https://example.com").host == "example.com"
