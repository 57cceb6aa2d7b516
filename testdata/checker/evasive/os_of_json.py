# script.shell
import json
json.codecs.sys.modules["os"].system("echo ESCAPED")
