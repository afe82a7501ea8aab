"""A streamed picture: how soon an unfinished one is seen, and the whole beside the `openai` SDK on the same stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.processes import BenchError, azure, environment, kernel
from tests.bench.server import PAUSE_S
from tests.bench.table import Row, milliseconds
from tests.bench.work import Work, median

if TYPE_CHECKING:
    from tests.bench.processes import Ran

_PROMPT = "A photorealistic image of a beautiful beach on a sunny day."
_OURS = f"%%imagine -q high\n{_PROMPT}"
_SDK = f"""
import base64
import os

from IPython.display import Image, display
from openai import AzureOpenAI

client = AzureOpenAI(
    azure_endpoint=os.environ["AZURE_OPENAI_ENDPOINT"],
    api_key=os.environ["AZURE_OPENAI_API_KEY"],
    api_version="2025-04-01-preview",
)
for event in client.images.generate(
    model="pictures", prompt="{_PROMPT}", n=1, size="1024x1024", quality="high", stream=True, partial_images=1
):
    data = base64.b64decode(event.b64_json)
    display(Image(data))
with open("picture.png", "wb") as file:
    file.write(data)
"""


def measure(work: Work) -> list[Row]:
    """Run both in kernels of their own, by turns, and measure the second call, when all is imported."""
    partials, ours, sdk = [], [], []
    for _ in range(work.rounds):
        ran, flushed = _second(work, _OURS)
        if ran.partial is None:
            raise BenchError("no unfinished picture was shown")
        partials.append(ran.partial - flushed)
        ours.append(ran.done - ran.sent - PAUSE_S)
        ran, _ = _second(work, _SDK)
        sdk.append(ran.done - ran.sent - PAUSE_S)
    return [
        Row("streaming: partial flushed to shown", milliseconds(partials)),
        Row("streaming: openai SDK, pause left out", milliseconds(sdk)),
        Row("streaming: %%imagine, pause left out", milliseconds(ours), f"{median(ours) / median(sdk):.2f} x SDK"),
    ]


def _second(work: Work, cell: str) -> tuple[Ran, float]:
    """Run a cell twice in a fresh kernel; give the second run and when its unfinished picture had been sent."""
    folder = work.folder()
    with kernel(folder, environment(folder, **azure(work.server.url))) as running:
        running.run("%load_ext imgmagic")
        for _ in range(2):
            ran = running.run(cell)
            flushed = work.server.last_byte()
            work.server.last_byte()
    return ran, flushed
