"""Which payload formats there are. A new one is a file beside this one and a line in `DECODERS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sens.decoders.influx import InfluxDecoder, InfluxOptions
from sens.decoders.json import JsonDecoder
from sens.decoders.json_options import JsonOptions
from sens.decoders.options import DecoderOptions
from sens.decoders.plain import PlainDecoder, PlainOptions
from sens.decoders.senml import SenmlDecoder, SenmlOptions
from sens.domain.columns import Decoder, DecoderType


@dataclass(frozen=True, slots=True)
class RegisteredDecoder:
    """A payload format: see `sens.domain.columns.DecoderType`."""

    name: str
    options: type[DecoderOptions]
    make: Callable[[Any], Decoder]

    def build(self, options: Any) -> Decoder:
        return self.make(options)


_ALL = (
    RegisteredDecoder("influx", InfluxOptions, InfluxDecoder),
    RegisteredDecoder("json", JsonOptions, JsonDecoder),
    RegisteredDecoder("plain", PlainOptions, PlainDecoder),
    RegisteredDecoder("senml", SenmlOptions, SenmlDecoder),
)

DECODERS: Mapping[str, DecoderType] = {decoder.name: decoder for decoder in _ALL}
