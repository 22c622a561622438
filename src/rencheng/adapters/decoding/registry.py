"""Which decoder reads which format."""

from __future__ import annotations

from pathlib import Path

from rencheng.adapters.decoding.decoder import Decoder
from rencheng.adapters.decoding.tables import TableDecoder
from rencheng.sense.feed import TABLE_FORMATS, FeedConfig

__all__ = ["decoder_of"]


def decoder_of(config: FeedConfig) -> Decoder:
    """Make the decoder of a feed; decoders of protocols with memory (Sparkplug B) keep it in their ``state``.

    Raises
    ------
    InvalidConfig, NotFound
        If the words or paths of the configuration cannot be used, or the device keys cannot be read.
    """
    plain = TableDecoder(config) if config.format in TABLE_FORMATS else _message_decoder(config)
    if config.signature is None:
        return plain
    from rencheng.adapters.signing import SignedDecoder, Verifier, read_device_keys

    keys = read_device_keys(Path(config.signature.keys))
    # what is stamped on its arrival would be a new reading each time
    once = config.format == "senml" or (config.format == "json" and not config.time.column)
    return SignedDecoder(plain, Verifier(keys, required=config.signature.required, once=once))


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
