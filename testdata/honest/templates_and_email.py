# maximum strict standard minimal
import email, email.policy, mimetypes, string
m = email.message_from_string("Subject: =?utf-8?q?=C3=A9?=\n\nbody", policy=email.policy.default)
assert m["subject"] == "é" and mimetypes.guess_type("a.csv")[0] == "text/csv"
