"""MQTT packets: cut anywhere they are the same, and bytes that are not MQTT end the line instead of the program."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.adapters.mqtt.packets import (
    Control,
    PacketKind,
    PacketReader,
    Publish,
    connect_bytes,
    ids_bytes,
    publish_bytes,
    server_keepalive_s,
    subscribe_bytes,
    user_properties,
    variable_byte_integer,
)
from rencheng.kernel import InvalidInput

TOPICS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
MESSAGES = st.lists(
    st.tuples(TOPICS, st.binary(max_size=300), st.integers(0, 2), st.integers(1, 65_535), st.booleans()), max_size=12
)


def test_the_lengths_of_the_standards_table_are_written_as_there() -> None:
    # MQTT 5.0, table 1-1
    ends = {0: "00", 127: "7f", 128: "8001", 16_383: "ff7f", 16_384: "808001", 2_097_151: "ffff7f"}
    ends |= {2_097_152: "80808001", 268_435_455: "ffffff7f"}
    assert {value: variable_byte_integer(value).hex() for value in ends} == ends


def test_a_connect_is_what_the_standard_says_byte_by_byte() -> None:
    plain = connect_bytes(version="3.1.1", client_id="a", keepalive_s=10, username="u", password="p")
    assert plain == b"\x10\x13\x00\x04MQTT\x04\xc0\x00\x0a\x00\x01a\x00\x01u\x00\x01p"
    new = connect_bytes(version="5", client_id="a", keepalive_s=10, session_s=60, receive_maximum=9)
    assert new == b"\x10\x16\x00\x04MQTT\x05\x00\x00\x0a\x08\x11\x00\x00\x00\x3c\x21\x00\x09\x00\x01a"
    assert subscribe_bytes(1, ["a/b", "c"], 1, version="3.1.1") == b"\x82\x0c\x00\x01\x00\x03a/b\x01\x00\x01c\x01"


@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.sampled_from(["3.1.1", "5"]), st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_messages_are_the_same_however_the_line_cuts_them(
    messages: list[tuple[str, bytes, int, int, bool]], version: str, cuts: list[int]
) -> None:
    sent = [
        Publish(topic, payload, number if qos else 0, qos, retain, False)
        for topic, payload, qos, number, retain in messages
    ]
    data = b"".join(
        publish_bytes(m.topic, m.payload, version=version, qos=m.qos, packet_id=m.packet_id, retain=m.retain)
        for m in sent
    )
    reader = PacketReader(version=version, largest=1000)
    got: list[Publish | Control] = []
    at = turn = 0
    while at < len(data):
        step = cuts[turn % len(cuts)]
        got += reader.feed(data[at : at + step])
        at, turn = at + step, turn + 1
    assert got == sent


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=6), st.sampled_from(["3.1.1", "5"]))
def test_no_bytes_of_a_broker_break_the_reader(pieces: list[bytes], version: str) -> None:
    reader = PacketReader(version=version, largest=64)
    try:
        for piece in pieces:
            for packet in reader.feed(piece):
                if isinstance(packet, Publish):
                    assert len(packet.payload) <= 65
                    user_properties(packet.properties)
    except InvalidInput:
        pass


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x30\xff\xff\xff\xff\x01", "more than four bytes"),
        (b"\x32\x04\x00\x09ab", "does not hold together"),
        (b"\x36\x05\x00\x01a\x00\x01", "does not hold together"),
        (b"\x32\x06\x00\x01a\x00\x00\x00", "packet identifier 0"),
        (b"\x30\x04\x00\x02\xff\xfe", "do not hold together"),
        (b"\x30\x05\x00\x02\xff\xfe\x00", "not UTF-8"),
        (b"\x20\xff\xff\x7f", "has 2097151 bytes"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        PacketReader(version="5", largest=64).feed(data + bytes(10))


def test_a_payload_beyond_the_limit_is_cut_and_never_held() -> None:
    reader = PacketReader(version="5", largest=1000)
    data = publish_bytes("a", bytes(50_000_00), version="5", qos=1, packet_id=7)
    after = publish_bytes("b", b"x", version="5")
    got: list[Publish | Control] = []
    held = 0
    for at in range(0, len(data), 65_536):
        got += reader.feed(data[at : at + 65_536])
        held = max(held, reader._have)
    got += reader.feed(after)
    assert [(m.topic, len(m.payload), m.packet_id) for m in got if isinstance(m, Publish)] == [
        ("a", 1001, 7),
        ("b", 1, 0),
    ]
    assert held < 200_000


def test_signatures_beside_a_message_are_read_and_other_properties_passed_over() -> None:
    reader = PacketReader(version="5", largest=1000)
    (message,) = reader.feed(publish_bytes("a", b"x", version="5", properties={"Rencheng-Device": "g-1", "n": "1"}))
    assert isinstance(message, Publish)
    assert user_properties(message.properties) == {"Rencheng-Device": "g-1", "n": "1"}
    assert user_properties(b"\x01\x01" + b"\x02\x00\x00\x00\x05" + b"\x0b\x81\x01" + message.properties)["n"] == "1"
    with pytest.raises(InvalidInput, match="cut short"):
        user_properties(message.properties[:-1])


def test_a_broker_may_set_the_keep_alive() -> None:
    assert server_keepalive_s(b"\x00\x00\x06\x13\x00\x1e\x21\x00\x14") == 30
    assert server_keepalive_s(b"\x00\x00\x00") is None
    assert server_keepalive_s(b"\x00\x00") is None


def test_acknowledgements_go_out_as_one_run_of_bytes() -> None:
    assert ids_bytes(PacketKind.PUBREL, [1]) == b"\x62\x02\x00\x01"
    assert len(ids_bytes(PacketKind.PUBACK, range(1, 1001))) == 4000
