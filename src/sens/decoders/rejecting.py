"""Taking whole messages out of decoded columns: a message is decoded or quarantined, never half."""

from collections.abc import Mapping, Sequence

import numpy as np

from sens.domain.columns import NOTHING, Decoded, Int64, Rejection, Shape


def reading_counts(shapes: Sequence[Shape]) -> Int64:
    """int64[N]: how many readings each message has."""
    return np.fromiter((len(shape.fields) for shape in shapes), np.int64, len(shapes))


def reject(decoded: Decoded, rejections: Mapping[int, Rejection]) -> Decoded:
    """The same batch with these messages rejected and their readings gone.

    A message that was rejected before keeps its first rejection.
    """
    if not rejections:
        return decoded
    kept_messages = np.ones(len(decoded.shapes), np.bool_)
    kept_messages[list(rejections)] = False
    kept = np.repeat(kept_messages, reading_counts(decoded.shapes))
    position = np.cumsum(kept) - 1
    shapes = [shape if keep else NOTHING for shape, keep in zip(decoded.shapes, kept_messages.tolist(), strict=True)]
    return Decoded(
        shapes=shapes,
        values=decoded.values[kept],
        times=None if decoded.times is None else decoded.times[kept],
        texts={int(position[at]): text for at, text in decoded.texts.items() if kept[at]},
        rejections={**rejections, **decoded.rejections},
    )


def insert_rejected(decoded: Decoded, rejections: Mapping[int, Rejection]) -> Decoded:
    """The batch of which `decoded` are the messages that are not in `rejections`, whose indexes are the batch's."""
    if not rejections:
        return decoded
    others = iter(enumerate(decoded.shapes))
    shapes, all_rejections = list[Shape](), dict(rejections)
    for message in range(len(decoded.shapes) + len(rejections)):
        if message in rejections:
            shapes.append(NOTHING)
            continue
        index, shape = next(others)
        shapes.append(shape)
        if index in decoded.rejections:
            all_rejections[message] = decoded.rejections[index]
    return Decoded(shapes, decoded.values, decoded.times, decoded.texts, all_rejections)
