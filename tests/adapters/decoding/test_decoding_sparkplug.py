"""Sparkplug B from the host's side: what a missing message or birth does to what is believed."""

from __future__ import annotations

import zlib
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.decoding.deliveries import NOON, NOON_MS, at_noon, columns, details, feed, readings, reasons

from rencheng.adapters.decoding import Refusal
from rencheng.adapters.sparkplug import Metric, Payload, SparkplugDecoder, payload_bytes, read_payload, read_topic
from rencheng.adapters.sparkplug.wire import tagged
from rencheng.sense import Decoded, Delivery

LEVEL = Metric(name="level", alias=4, datatype=3, value=250)
TEMP = Metric(name="Inputs/temp", alias=5, datatype=10, value=20.0, unit="°C")
BD_SEQ = Metric(name="bdSeq", datatype=4, value=3)


class Host:
    """A decoder with one edge node ``n1`` and its device ``d1``."""

    def __init__(self) -> None:
        words = columns(**{"level": "stage_m cm", "Inputs/temp": "air_temperature_c"})
        self.decoder = SparkplugDecoder(feed("sparkplug", columns=words))

    def hear(self, kind: str, seq: int | None, *metrics: Metric, device: str = "d1", late_s: float = 0.0) -> Decoded:
        topic = f"spBv1.0/g/{kind}/n1" + (f"/{device}" if kind.startswith("D") else "")
        body = payload_bytes(Payload(at_ms=NOON_MS, seq=seq, metrics=list(metrics)))
        return self.decoder.decode(body, Delivery(arrived_at=NOON + timedelta(seconds=late_s), topic=topic))

    def born(self) -> Host:
        self.hear("NBIRTH", 0, BD_SEQ)
        self.hear("DBIRTH", 1, LEVEL, TEMP)
        self.decoder.state.take_events()
        return self

    @property
    def asked(self) -> list[str]:
        return [request.topic for request in self.decoder.state.take_requests()]

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(event.kind, event.device) for event in self.decoder.state.take_events()]


def test_births_carry_values_and_aliases_stand_for_them_afterwards() -> None:
    host = Host()
    host.hear("NBIRTH", 0, BD_SEQ)
    birth = host.hear("DBIRTH", 1, LEVEL, TEMP)
    data = host.hear(
        "DDATA", 2, Metric(alias=4, value=-300 & 0xFFFFFFFF), Metric(alias=5, value=21.5, at_ms=NOON_MS - 1000)
    )
    assert readings(birth) == [("d1", "stage_m", NOON, 2.5), ("d1", "air_temperature_c", NOON, 20.0)]
    assert readings(data) == [
        ("d1", "stage_m", NOON, -3.0),
        ("d1", "air_temperature_c", NOON - timedelta(seconds=1), 21.5),
    ]
    assert host.events == [("born", ""), ("born", "d1")]
    assert host.asked == []


def test_data_before_any_birth_is_kept_aside_and_a_rebirth_is_asked_for_once() -> None:
    host = Host()
    decoded = host.hear("DDATA", 7, Metric(alias=4, value=1))
    host.hear("DDATA", 8, Metric(alias=4, value=2), late_s=5)
    assert reasons(decoded) == ["no_birth"]
    assert "topic spBv1.0/g/DDATA/n1/d1: field alias 4" in details(decoded)[0]
    assert host.asked == ["spBv1.0/g/NCMD/n1"]
    host.hear("DDATA", 9, Metric(alias=4, value=2), late_s=40)
    assert host.asked == ["spBv1.0/g/NCMD/n1"]


def test_the_rebirth_request_is_the_standards_command() -> None:
    host = Host()
    host.hear("NDATA", 7)
    (request,) = host.decoder.state.take_requests()
    command = read_payload(request.payload, largest=1000)
    assert (command.seq, command.at_ms) == (None, NOON_MS)
    (metric,) = command.metrics
    assert (metric.name, metric.datatype, metric.value) == ("Node Control/Rebirth", 11, True)


def test_a_metric_that_says_name_and_type_itself_needs_no_birth() -> None:
    decoded = Host().hear("DDATA", 7, Metric(name="level", datatype=10, value=250.0))
    assert readings(decoded) == [("d1", "stage_m", NOON, 2.5)]


def test_a_gap_makes_the_node_stale_until_its_rebirth() -> None:
    host = Host().born()
    gap = host.hear("DDATA", 4, Metric(alias=4, value=1), Metric(name="level", datatype=3, value=100))
    assert (reasons(gap), [r[3] for r in readings(gap)]) == (["unknown_alias"], [1.0])
    assert host.events == [("stale", "")]
    assert host.asked == ["spBv1.0/g/NCMD/n1"]
    assert reasons(host.hear("DDATA", 5, Metric(alias=4, value=1))) == ["unknown_alias"]
    host.born()
    assert readings(host.hear("DDATA", 2, Metric(alias=4, value=100))) == [("d1", "stage_m", NOON, 1.0)]


def test_the_sequence_goes_from_255_to_0_and_a_message_sent_again_is_no_gap() -> None:
    host = Host().born()
    for seq in [*range(2, 256), 0, 0, 1]:
        assert reasons(host.hear("DDATA", seq, Metric(alias=4, value=seq))) == []
    assert host.events == []


def test_a_death_counts_for_its_own_session_only() -> None:
    host = Host().born()
    host.hear("NDEATH", None, Metric(name="bdSeq", datatype=4, value=2))
    assert host.events == []
    host.hear("NDEATH", None, BD_SEQ)
    assert host.events == [("dead", "")]
    assert reasons(host.hear("DDATA", 2, Metric(alias=4, value=1))) == ["no_birth"]


def test_a_dead_device_needs_its_birth_again() -> None:
    host = Host().born()
    host.hear("DDEATH", 2)
    assert reasons(host.hear("DDATA", 3, Metric(alias=4, value=1))) == ["no_birth"]
    assert host.asked == ["spBv1.0/g/NCMD/n1"]
    host.hear("DBIRTH", 4, LEVEL)
    assert reasons(host.hear("DDATA", 5, Metric(alias=4, value=1))) == []


def test_a_birth_again_and_again_holds_no_more_than_one() -> None:
    host = Host().born()
    for number in range(50):
        host.hear("DBIRTH", (2 + number) % 256, Metric(name=f"m{number}", alias=number + 10, datatype=10, value=1.0))
    (node,) = host.decoder.state.nodes.values()
    assert [name for device, name in node.names if device] == ["m49"]
    assert list(node.aliases) == [59]


def test_an_alias_of_another_device_is_not_believed() -> None:
    host = Host().born()
    host.hear("DBIRTH", 2, Metric(name="level", alias=9, datatype=3, value=1), device="d2")
    assert reasons(host.hear("DDATA", 3, Metric(alias=9, value=1))) == ["unknown_alias"]


def test_null_transient_and_historical_values() -> None:
    host = Host().born()
    decoded = host.hear(
        "DDATA",
        2,
        Metric(alias=4, null=True),
        Metric(alias=4, transient=True, value=1),
        Metric(alias=4, historical=True, at_ms=NOON_MS - 86_400_000, value=700),
        Metric(name="bdSeq", value=1),
    )
    assert readings(decoded) == [("d1", "stage_m", NOON - timedelta(days=1), 7.0)]


def test_a_text_where_a_number_is_wanted_is_kept_aside() -> None:
    host = Host().born()
    assert reasons(host.hear("DDATA", 2, Metric(name="level", datatype=12, value="high"))) == ["bad_number"]


@pytest.mark.parametrize(
    "topic", ["spBv1.0/g/NDATA", "spBv1.0/g/XDATA/n", "spAv1.0/g/NDATA/n", "x", "spBv1.0//NDATA/n"]
)
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(Refusal, match="no Sparkplug B topic"):
        read_topic(topic)


def test_the_state_of_a_host_application_is_passed_over() -> None:
    decoded = Host().decoder.decode(b'{"online":true}', at_noon("spBv1.0/STATE/scada"))
    assert (reasons(decoded), decoded.rows) == ([], 1)


def test_a_compressed_payload_is_unfolded_within_its_limit() -> None:
    inner = payload_bytes(Payload(seq=1, metrics=[LEVEL]))
    packed = tagged(4, b"SPBV1.0_COMPRESSED") + tagged(5, zlib.compress(inner))
    assert read_payload(packed, largest=1000).metrics[0].name == "level"
    bomb = tagged(4, b"SPBV1.0_COMPRESSED") + tagged(5, zlib.compress(bytes(10_000_000)))
    with pytest.raises(Refusal, match="too_large"):
        read_payload(bomb, largest=1000)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"\x0a", "ends in the middle"),
        (b"\x08" + b"\xff" * 10, "more than ten bytes"),
        (b"\x12\xff\xff\xff\xff\x7f", "ends in the middle"),
        (b"\x0b", "wire type 3"),
        (b"\x00\x00", "field number 0"),
        (tagged(2, tagged(1, b"\xff\xfe")), "not UTF-8"),
    ],
)
def test_payloads_cut_short_or_bent_are_refused(body: bytes, what: str) -> None:
    with pytest.raises(Refusal, match=what):
        read_payload(body, largest=1000)


metrics = st.builds(
    Metric,
    name=st.text(max_size=6),
    alias=st.none() | st.integers(0, 2**64 - 1),
    at_ms=st.none() | st.integers(0, 2**64 - 1),
    datatype=st.sampled_from([0, 4, 8, 10, 11, 12]),
    historical=st.booleans(),
    value=st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    unit=st.text(max_size=4),
)


@settings(deadline=None, max_examples=100)
@given(st.lists(metrics, max_size=5), st.none() | st.integers(0, 255))
def test_what_is_written_is_read(written: list[Metric], seq: int | None) -> None:
    payload = Payload(at_ms=NOON_MS, seq=seq, metrics=written)
    assert read_payload(payload_bytes(payload), largest=1000) == payload


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.tuples(st.sampled_from(["NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH"]), st.binary(max_size=40)), max_size=6
    )
)
def test_any_bytes_are_read_or_kept_aside(messages: list[tuple[str, bytes]]) -> None:
    host = Host()
    for kind, body in messages:
        topic = f"spBv1.0/g/{kind}/n1" + ("/d1" if kind.startswith("D") else "")
        assert host.decoder.decode(body, at_noon(topic)).rows == 1
