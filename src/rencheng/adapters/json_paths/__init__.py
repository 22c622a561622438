"""Mapped JSON messages: paths in the configuration say where sensor, instant and values stand."""

from rencheng.adapters.json_paths.decode import JsonDecoder, decode
from rencheng.adapters.json_paths.paths import JsonPath, parse_path

__all__ = ["JsonDecoder", "JsonPath", "decode", "parse_path"]
