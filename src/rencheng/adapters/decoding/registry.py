"""Which decoder reads which format."""

from __future__ import annotations

from rencheng.adapters.decoding.decoder import Decoder
from rencheng.adapters.decoding.tables import TableDecoder
from rencheng.sense.feed import TABLE_FORMATS, FeedConfig

__all__ = ["decoder_of"]


def decoder_of(config: FeedConfig) -> Decoder:
    """Make the decoder of a feed; decoders of protocols with memory (Sparkplug B) keep it in their ``state``.

    Raises
    ------
    InvalidConfig
        If the words or paths of the configuration cannot be used.
    """
    if config.format in TABLE_FORMATS:
        return TableDecoder(config)
    return _message_decoder(config)


def _message_decoder(config: FeedConfig) -> Decoder:
    if config.format == "senml":
        from rencheng.adapters.senml import SenmlDecoder

        return SenmlDecoder(config)
    if config.format == "sparkplug":
        from rencheng.adapters.sparkplug import SparkplugDecoder

        return SparkplugDecoder(config)
    if config.format in {"sl651", "hj212"}:
        from rencheng.adapters.regulator import RegulatorDecoder

        return RegulatorDecoder(config)
    from rencheng.adapters.json_paths import JsonDecoder

    return JsonDecoder(config)
