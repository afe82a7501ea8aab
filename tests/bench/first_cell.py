"""The first cell of a fresh kernel: imgmagic, the shortest honest script, and the `openai` SDK doing the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.processes import BenchError, azure, environment, kernel
from tests.bench.table import Row, milliseconds
from tests.bench.work import Work, median

if TYPE_CHECKING:
    from pathlib import Path

_PROMPT = "A photorealistic image of a beautiful beach on a sunny day."

_OURS = f"%%imagine\n{_PROMPT}"

_SCRIPT = f"""
import base64
import json
import os

import requests
from IPython.display import Image, display

answer = requests.post(
    os.environ["AZURE_OPENAI_ENDPOINT"] + "/openai/deployments/pictures/images/generations",
    params={{"api-version": "2025-04-01-preview"}},
    headers={{"api-key": os.environ["AZURE_OPENAI_API_KEY"]}},
    json={{"prompt": "{_PROMPT}", "n": 1, "size": "1024x1024", "quality": "medium"}},
    timeout=600,
)
answer.raise_for_status()
data = base64.b64decode(json.loads(answer.content)["data"][0]["b64_json"])
with open("picture.png", "wb") as file:
    file.write(data)
display(Image(data))
"""

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
answer = client.images.generate(model="pictures", prompt="{_PROMPT}", n=1, size="1024x1024", quality="medium")
data = base64.b64decode(answer.data[0].b64_json)
with open("picture.png", "wb") as file:
    file.write(data)
display(Image(data))
"""

_CELLS = {"imgmagic": _OURS, "script": _SCRIPT, "sdk": _SDK}


def measure(work: Work) -> list[Row]:
    """Run each of the three in a kernel of its own, by turns; the first turn only writes byte code."""
    found: dict[str, list[float]] = {name: [] for name in _CELLS}
    for turn in range(work.rounds + 1):
        for name, cell in _CELLS.items():
            took = _took(work.folder(), work, cell)
            found[name] += [took] if turn else []
    ours, script, sdk = (median(found[name]) for name in _CELLS)
    return [
        Row("first cell: requests script", milliseconds(found["script"])),
        Row("first cell: openai SDK", milliseconds(found["sdk"])),
        Row(
            "first cell: %%imagine",
            milliseconds(found["imgmagic"]),
            f"{ours / script:.2f} x script, {ours / sdk:.2f} x SDK",
            "< 1 x SDK",
            ours < sdk,
        ),
    ]


def _took(folder: Path, work: Work, cell: str) -> float:
    """Give the seconds from the request to run the cell until the kernel is idle again, imports included."""
    with kernel(folder, environment(folder, **azure(work.server.url))) as running:
        running.run("%load_ext imgmagic" if cell is _OURS else "pass")
        ran = running.run(cell)
        if ran.shown is None:
            raise BenchError("a first cell showed no picture")
        return ran.done - ran.sent
