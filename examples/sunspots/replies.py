"""A model whose replies are written beforehand: what a good model writes, one mistake included."""

import time
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from lumo_graph.testing import ScriptedModel

LOAD = """\
I need every year first. A call gives at most 100 years, so I ask in a loop and keep the numbers in a dict.

```python
span = coverage()
activity = {}
for first in range(span["first"], span["last"] + 1, 100):
    last = min(first + 99, span["last"])
    numbers = sunspot_numbers(first, last)
    activity.update(zip(range(first, last + 1), numbers))
mean = sum(activity.values()) / len(activity)
print(f"{len(activity)} years, {mean:.1f} sunspots on average")
```"""

FIND_PEAKS = """\
A cycle runs from peak to peak. A year is a peak if no year within three years of it has more sunspots.

```python
def is_peak(year, reach=3):
    years = range(year - reach, year + reach + 1)
    around = [activity[near] for near in years]
    return activity[year] == max(around)

peaks = [year for year in activity if is_peak(year)]
```"""

FIND_PEAKS_REPAIRED = """\
The first year has no years before it: I must only look at years that are in the data. Then I note the highest peaks.

```python
def is_peak(year, reach=3):
    years = range(year - reach, year + reach + 1)
    around = [activity[near] for near in years if near in activity]
    return activity[year] == max(around)

peaks = [year for year in activity if is_peak(year)]
highest = sorted(peaks, key=activity.get, reverse=True)[:3]
for year in highest:
    note(f"peak in {year}: {activity[year]} sunspots")
print(f"{len(peaks)} peaks, from {peaks[0]} to {peaks[-1]}")
```"""

ANSWER = """\
The peaks are in `peaks`, so the length of a cycle is the mean distance between them.

```python
print(f"Still here: {len(activity)} years and {len(peaks)} peaks")
lengths = [later - earlier for earlier, later in zip(peaks, peaks[1:])]
shortest, longest = min(lengths), max(lengths)
mean = sum(lengths) / len(lengths)
note(f"a cycle lasts {mean:.2f} years, {shortest} to {longest}")
final_answer({
    "cycle_years": round(mean, 2),
    "shortest": shortest,
    "longest": longest,
    "highest_peak": highest[0],
    "sunspots": activity[highest[0]],
})
```"""

REPLIES = [LOAD, FIND_PEAKS, FIND_PEAKS_REPAIRED, ANSWER]

_SECONDS_A_WORD = 0.008
_WORDS_BEFORE_HANGING = 12


def _next_reply(messages: list[BaseMessage]) -> str:
    """The reply that comes after those already in the thread, so that a resumed run goes on where it was."""
    return REPLIES[sum(isinstance(message, AIMessage) for message in messages)]


class Typist(ScriptedModel):
    """Types its replies at the pace of a model."""

    hangs: bool = False
    """Whether the last reply stops after a few words, like a connection that has died."""

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        last = _next_reply(messages) == REPLIES[-1]
        for count, chunk in enumerate(super()._stream(messages, *args, **kwargs)):
            time.sleep(3600 if self.hangs and last and count == _WORDS_BEFORE_HANGING else _SECONDS_A_WORD)
            yield chunk


model = Typist(replies=[_next_reply] * len(REPLIES))
hanging_model = Typist(replies=[_next_reply] * len(REPLIES), hangs=True)
