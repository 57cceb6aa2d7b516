# maximum strict standard minimal
import asyncio
async def work(q, n):
    for i in range(n):
        await q.put(i)
        await asyncio.sleep(0)
async def main():
    q = asyncio.Queue(10)
    async with asyncio.timeout(5), asyncio.TaskGroup() as g:
        for _ in range(5):
            g.create_task(work(q, 10))
        got = [await q.get() for _ in range(50)]
    assert sum(got) == 225
asyncio.run(main())
