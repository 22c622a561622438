"""Decoding: bytes of any format that a feed's configuration names become readings in SI units, or are kept aside."""

from rencheng.adapters.decoding.decoder import Decoder, MessageDecoder
from rencheng.adapters.decoding.harvest import Harvest
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.decoding.registry import decoder_of

__all__ = ["Decoder", "Harvest", "MessageDecoder", "Refusal", "decoder_of"]
