# strict standard minimal
import asyncio, time
async def main():
    assert await asyncio.gather(*[asyncio.to_thread(lambda i=i: i * 2) for i in range(20)]) == list(range(0, 40, 2))
asyncio.run(main())
