# maximum strict standard minimal
import getpass, pwd, grp, os
assert pwd.getpwuid(os.getuid()).pw_name == "sandbox" and grp.getgrgid(os.getgid()).gr_name == "sandbox"
assert os.path.expanduser("~")
