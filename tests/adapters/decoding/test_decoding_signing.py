"""Signed readings: whatever is altered is refused, what is merely sent again is not."""

from __future__ import annotations

import base64
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.decoding.deliveries import at_noon, columns, details, feed, readings, reasons

from rencheng.adapters.decoding import decoder_of
from rencheng.adapters.decoding.decoder import Decoder
from rencheng.adapters.signing import (
    CounterWindow,
    SignedDecoder,
    body_message,
    canonical_json_bytes,
    document_message,
    read_device_keys,
)
from rencheng.kernel import InvalidConfig, InvalidReading, NotFound

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def sign(message: bytes, key: Ed25519PrivateKey = KEY) -> str:
    return base64.b64encode(key.sign(message)).decode()


def signed(document: Any, counter: int, key: Ed25519PrivateKey = KEY) -> Any:
    """A document that carries its signature."""
    mark = {"device": "d1", "counter": counter, "value": sign(document_message("d1", counter, document), key)}
    if isinstance(document, list):
        return [{**document[0], "signature": mark}, *document[1:]]
    return {**document, "signature": mark}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    path.write_text(f'[devices]\nd1 = ["{public(OTHER)}", "{public(KEY)}"]\n', encoding="utf-8")
    return str(path)


def decoder(keys: str, format_: str = "json", *, required: bool = True) -> Decoder:
    section: dict[str, Any] = {"columns": columns(v="stage_m m"), "signature": {"keys": keys, "required": required}}
    if format_ == "json" or format_ != "senml":
        section |= {"sensor_column": "s", "time": {"column": "t"}}
    return decoder_of(feed(format_, **section))


READING = {"s": "A", "v": 2.5, "t": "2024-04-15T12:00:00Z"}


def test_a_signed_reading_is_taken_however_it_is_spelt(keys: str) -> None:
    one = decoder(keys)
    for indent in (None, 2):
        assert [
            r[3] for r in readings(one.decode(json.dumps(signed(READING, 1), indent=indent).encode(), at_noon()))
        ] == [2.5]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_altered_reading_ever_passes(keys: str, data: st.DataObject) -> None:
    document = signed({**READING, "note": "ok", "n": [1, 2]}, 7)
    altered = json.loads(json.dumps(document))
    key = data.draw(st.sampled_from(["s", "v", "note", "n", "signature.counter", "signature.device", "new"]))
    holder = altered["signature"] if key.startswith("signature.") else altered
    name = key.removeprefix("signature.")
    value = data.draw(st.integers() | st.text(max_size=3) | st.floats(allow_nan=False) | st.none())
    if name in holder and holder[name] == value and type(holder[name]) is type(value):
        return
    holder[name] = value
    decoded = decoder(keys).decode(json.dumps(altered).encode(), at_noon())
    assert decoded.good.num_rows == 0
    assert reasons(decoded) in (["bad_signature"], ["bad_row"])  # infinity is not even JSON


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000))
def test_no_altered_bit_of_a_body_signed_beside_ever_passes(keys: str, place: int) -> None:
    body = b'{"s":"A","v":2.5,"t":"2024-04-15T12:00:00Z"}'
    mark = sign(body_message("d1", 3, body))
    bent = bytearray(body)
    bent[place % len(body)] ^= 1 << place % 8
    one = decoder(keys)
    assert reasons(one.decode(bytes(bent), at_noon(device="d1", counter=3, signature=mark))) == ["bad_signature"]
    assert len(readings(one.decode(body, at_noon(device="d1", counter=3, signature=mark)))) == 1


@pytest.mark.parametrize(
    ("document", "reason", "said"),
    [
        (READING, "unsigned", "signed readings only"),
        (
            signed(READING, 1, Ed25519PrivateKey.from_private_bytes(bytes([9] * 32))),
            "bad_signature",
            "device d1: not what",
        ),
        ({**READING, "signature": {"device": "d2", "counter": 1, "value": "AA=="}}, "bad_signature", "'d2' has no key"),
        ({**READING, "signature": {"device": "d1", "counter": 1, "value": "*"}}, "bad_signature", "not Base64"),
        ({**READING, "signature": {"device": "d1", "counter": -1, "value": "AA=="}}, "bad_signature", "counter"),
        ({**READING, "signature": 7}, "bad_signature", "field signature"),
        (
            {**READING, "x": 2**60, "signature": {"device": "d1", "counter": 1, "value": "AA=="}},
            "bad_signature",
            "exact",
        ),
    ],
)
def test_the_refusal_says_what_is_wrong(keys: str, document: Any, reason: str, said: str) -> None:
    decoded = decoder(keys).decode(json.dumps(document).encode(), at_noon("city/1"))
    assert reasons(decoded) == [reason]
    assert said in details(decoded)[0]
    assert "topic city/1" in details(decoded)[0]


def test_an_old_key_is_good_while_keys_are_changed(keys: str) -> None:
    assert readings(decoder(keys).decode(json.dumps(signed(READING, 1, OTHER)).encode(), at_noon()))


def test_a_counter_used_for_something_else_is_a_replay_but_sending_again_is_not(keys: str) -> None:
    one = decoder(keys)
    first = json.dumps(signed(READING, 5)).encode()
    assert readings(one.decode(first, at_noon()))
    assert readings(one.decode(first, at_noon()))
    assert reasons(one.decode(json.dumps(signed({**READING, "v": 3}, 5)).encode(), at_noon())) == ["replayed"]
    assert readings(one.decode(json.dumps(signed(READING, 4)).encode(), at_noon()))  # a gateway that reorders
    assert readings(one.decode(json.dumps(signed(READING, 5000)).encode(), at_noon()))
    assert reasons(one.decode(json.dumps(signed(READING, 6)).encode(), at_noon())) == ["replayed"]


def test_the_memory_of_counters_is_bounded() -> None:
    window = CounterWindow()
    for counter in range(20_000):
        assert window.admits(counter, b"x", once=False)
        assert window.note(counter, b"x")
    assert len(window.seen) <= 2048


def test_a_reading_stamped_on_its_arrival_is_taken_once_however_often_it_is_sent(keys: str) -> None:
    section = {"columns": columns(v="stage_m m"), "sensor_column": "s", "signature": {"keys": keys}}
    one = decoder_of(feed("json", **section))
    assert isinstance(one, SignedDecoder)
    body = json.dumps(signed({"s": "A", "v": 2.5}, 5)).encode()
    first = one.decode(body, at_noon())
    assert len(readings(one.decode(body, at_noon()))) == 1  # the first is not stored yet: better twice than never
    one.verifier.settle(first.remembered)
    assert reasons(one.decode(body, at_noon())) == ["replayed"]


def test_counters_outlive_the_process_and_those_of_a_batch_that_failed_are_free_again(keys: str) -> None:
    stored, lost = (json.dumps(signed({**READING, "v": v}, 5 + v)).encode() for v in (1, 2))
    other = json.dumps(signed({**READING, "v": 9}, 6)).encode()
    before = decoder(keys)
    committed = before.decode(stored, at_noon()).remembered
    after = decoder(keys)
    assert isinstance(before, SignedDecoder)
    assert isinstance(after, SignedDecoder)
    after.verifier.recall(committed)
    assert committed.num_rows == 1
    assert readings(after.decode(lost, at_noon()))  # a killed core had not stored it
    assert reasons(after.decode(other, at_noon())) == ["replayed"]
    failed = before.decode(lost, at_noon())
    before.verifier.forget(failed.remembered)
    assert before.decode(lost, at_noon()).remembered.num_rows == 1


def test_unsigned_readings_pass_where_signatures_are_not_required(keys: str) -> None:
    one = decoder(keys, required=False)
    assert readings(one.decode(json.dumps(READING).encode(), at_noon()))
    assert reasons(one.decode(json.dumps({**signed(READING, 1), "v": 9}).encode(), at_noon())) == ["bad_signature"]


def test_a_senml_pack_is_signed_as_a_whole(keys: str) -> None:
    pack = [{"bn": "A/", "n": "v", "v": 2.5}, {"n": "v", "t": -1, "v": 2.6}]
    good = decoder(keys, "senml").decode(json.dumps(signed(pack, 1)).encode(), at_noon())
    assert len(readings(good)) == 2
    swapped = signed(pack, 1)
    swapped[1]["v"] = 9
    assert reasons(decoder(keys, "senml").decode(json.dumps(swapped).encode(), at_noon())) == ["bad_signature"]
    longer = [*signed(pack, 1), {"n": "v", "t": -2, "v": 1}]
    assert reasons(decoder(keys, "senml").decode(json.dumps(longer).encode(), at_noon())) == ["bad_signature"]


def test_a_whole_table_may_be_signed_beside(keys: str) -> None:
    body = b'{"s":"A","t":"2024-04-15T12:00:00Z","v":2.5}\n' * 2
    mark = sign(body_message("d1", 9, body))
    beside = at_noon(device="d1", counter=9, signature=mark)
    assert len(readings(decoder(keys, "ndjson").decode(body, beside))) == 2
    assert reasons(decoder(keys, "ndjson").decode(body + b" ", beside)) == ["bad_signature"]
    other = b'{"x":1}'
    beside = at_noon(device="d1", counter=1, signature=sign(body_message("d1", 1, other)))
    with pytest.raises(InvalidReading, match="there is no column 's'"):
        decoder(keys, "ndjson").decode(other, beside)


def test_lines_of_ndjson_are_checked_one_by_one(keys: str) -> None:
    line = {"s": "A", "t": "2024-04-15T12:00:00Z", "v": 2.5}
    forged = json.dumps({**signed(line, 2), "v": 9})
    twice = json.dumps(signed({**line, "v": 4}, 3)).replace('"v": 4', '"v": 8, "v": 4')
    body = "\n".join([json.dumps(signed(line, 1)), forged, json.dumps(line), twice]).encode()
    decoded = decoder(keys, "ndjson").decode(body, at_noon())
    assert [r[3] for r in readings(decoded)] == [2.5, 4.0]  # of a key said twice, the value that was signed
    assert reasons(decoded) == ["bad_signature", "unsigned"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("devices = 3", "no .devices. table"),
        ("[devices", "not TOML"),
        ('[devices]\nd = "*"', "device 'd': is not Base64"),
        ("[devices]\nd = 7", "device 'd': is not Base64"),
        ('[devices]\nd = "AAAA"', "device 'd': is no Ed25519 public key"),
    ],
)
def test_a_wrong_file_of_keys_names_the_device(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfig, match=message):
        read_device_keys(path)
    with pytest.raises(NotFound, match="no file of device keys"):
        read_device_keys(tmp_path / "nothing.toml")


# RFC 8785, appendix B: IEEE 754 bits and their one spelling
NUMBERS = {
    0x0000000000000000: "0",
    0x8000000000000000: "0",
    0x0000000000000001: "5e-324",
    0x8000000000000001: "-5e-324",
    0x7FEFFFFFFFFFFFFF: "1.7976931348623157e+308",
    0x4340000000000000: "9007199254740992",
    0x44B52D02C7E14AF5: "9.999999999999997e+22",
    0x44B52D02C7E14AF6: "1e+23",
    0x444B1AE4D6E2EF4E: "999999999999999700000",
    0x444B1AE4D6E2EF50: "1e+21",
    0x3EB0C6F7A0B5ED8C: "9.999999999999997e-7",
    0x3EB0C6F7A0B5ED8D: "0.000001",
    0x41B3DE4355555553: "333333333.3333332",
    0x41B3DE4355555557: "333333333.33333343",
    0xBECBF647612F3696: "-0.0000033333333333333333",
    0x43143FF3C1CB0959: "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "spelt"), NUMBERS.items())
def test_numbers_are_spelt_as_the_standard_says(bits: int, spelt: str) -> None:
    (value,) = struct.unpack(">d", bits.to_bytes(8, "big"))
    assert canonical_json_bytes(value) == spelt.encode()


def test_text_and_order_of_keys_are_as_the_standard_says() -> None:
    # RFC 8785, section 3.2.3: sorted by UTF-16 units, where an emoji's surrogates go before U+FB33
    keys_ = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    said = json.loads(canonical_json_bytes(dict.fromkeys(keys_, 0)))
    assert list(said) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert canonical_json_bytes('\u20ac$\u000f\nA\'B"\\"/') == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\"/"'.encode()


@settings(deadline=None, max_examples=200)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_reads_back_as_itself(value: float) -> None:
    assert math.isclose(float(canonical_json_bytes(value)), value, rel_tol=0, abs_tol=0)
