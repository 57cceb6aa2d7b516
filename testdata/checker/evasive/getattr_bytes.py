# script.shell
import os
getattr(os, b"system".decode())("echo ESCAPED")
