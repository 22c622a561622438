"""SenML, the sensor measurement lists of RFC 8428, in JSON and CBOR."""

from rencheng.adapters.senml.cbor import parse_cbor
from rencheng.adapters.senml.decode import SenmlDecoder, decode
from rencheng.adapters.senml.records import Pack, Resolved, parse_pack, resolved

__all__ = ["Pack", "Resolved", "SenmlDecoder", "decode", "parse_cbor", "parse_pack", "resolved"]
