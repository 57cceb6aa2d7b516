# script.shell
import asyncio
asyncio.run(asyncio.create_subprocess_shell("echo ESCAPED"))
