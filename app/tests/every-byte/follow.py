"""Reads the sessions named on standard input with httpx-sse, many side by side.

Prints one line for each: its name and the messages it got.
"""

import asyncio
import json
import sys

import httpx
from httpx_sse import aconnect_sse

WIDTH = 32


async def follow(client, url, length):
    """Returns the first messages of the room, over as many connections as it takes."""
    got = []
    last_event_id = ""
    while len(got) < length:
        headers = {"last-event-id": last_event_id} if last_event_id else {}
        try:
            async with aconnect_sse(client, "GET", url, headers=headers) as source:
                async for event in source.aiter_sse():
                    last_event_id = event.id
                    if event.event == "chat":
                        got.append(event.json()["message"])
                    if len(got) == length:
                        break
        except httpx.TransportError:
            pass  # The connection was lost.
    return got


async def main(origin, path, length):
    sessions = iter(sys.stdin.read().split())

    async def work(client):
        for session in sessions:
            got = await follow(client, f"{origin}/{session}/{path}", length)
            print(json.dumps([session, got]), flush=True)

    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=WIDTH), timeout=30) as client:
        await asyncio.gather(*(work(client) for _ in range(WIDTH)))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
