"""The source of a feed: every kind by configuration, every slip named with its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rencheng.kernel import InvalidConfig
from rencheng.sense import FeedConfig, feed_config_from_dict, read_feed_config
from rencheng.sense.source import FolderSource, HttpSource, MqttSource, PollSource, SensorThingsSource, TcpSource


def feed(format_: str = "senml", **section: Any) -> FeedConfig:
    return feed_config_from_dict({"id": "f", "format": format_, **section}, where="feed.toml")


@pytest.mark.parametrize(
    ("table", "source"),
    [
        ({"kind": "http"}, HttpSource()),
        ({"kind": "mqtt", "host": "b", "topics": ["a/+/c", "#"]}, MqttSource(host="b", topics=("a/+/c", "#"))),
        ({"kind": "tcp", "port": 7500}, TcpSource(port=7500)),
        ({"kind": "folder", "path": "in"}, FolderSource(path="in")),
        ({"kind": "poll", "url": "https://x/y", "every_s": 5}, PollSource(url="https://x/y", every_s=5.0)),
        ({"kind": "sensorthings"}, SensorThingsSource()),
    ],
)
def test_every_kind_of_source_is_read(table: dict[str, Any], source: object) -> None:
    assert feed(source=table).source == source


def test_without_a_table_readings_are_pushed_by_http() -> None:
    assert feed().source == HttpSource()


MQTT = {"kind": "mqtt", "host": "b", "topics": ["t"]}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "carrier pigeon"}, r"unknown kind 'carrier pigeon'. Use one of: http, mqtt, tcp, folder, poll"),
        ({"kind": "mqtt", "topics": ["t"]}, r"missing required field `host`"),
        ({**MQTT, "qos": 3}, r"qos is 3; use 0, 1 or 2"),
        ({**MQTT, "topics": []}, r"topics is empty"),
        ({**MQTT, "topics": ["a/#/b"]}, r"filter 'a/#/b': # stands alone as the last level"),
        ({**MQTT, "topics": ["a/b+"]}, r"filter 'a/b\+': \+ stands alone in its level"),
        ({**MQTT, "version": "4", "port": 0}, r"port is 0; use 1 to 65535; version is '4'; use 3.1.1 or 5"),
        ({**MQTT, "password": "secret"}, r"unknown key 'password' for kind 'mqtt'. Use: kind, host, topics"),
        ({**MQTT, "password_env": "my secret!"}, r"password_env must be the name of an environment variable"),
        ({"kind": "tcp", "port": "high"}, r"Expected `int`, got `str`"),
        ({"kind": "tcp", "port": 7500, "idle_s": 0}, r"idle_s is 0.0; use seconds above 0"),
        ({"kind": "poll", "url": "ftp://x"}, r"url is 'ftp://x'; it must begin with http"),
        ({"kind": "folder", "path": ""}, r"path is empty"),
        ({"kind": "sensorthings", "root": "x"}, r"root is 'x'; it must begin with /"),
        (3, r"must be a table"),
    ],
)
def test_a_slip_is_named_with_its_key(table: Any, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message) as caught:
        feed(source=table)
    assert str(caught.value).startswith("feed.toml [feed.source]")


@pytest.mark.parametrize(
    ("format_", "section", "message"),
    [
        ("json", {"columns": [{"column": "v", "quantity": "stage_m"}]}, "neither sensor_column nor sensor"),
        ("json", {"sensor": "a"}, "give either wide columns or the long layout"),
        ("senml", {"sensor": "{nmae}"}, r"sensor '{nmae}' has no field 'nmae'; use {1}, {-1} …, {name}, {device}"),
        ("senml", {"sensor": "a{"}, "has a brace that does not close"),
        ("sparkplug", {"long": {"quantity_column": "q", "value_column": "v"}}, "sparkplug has no long layout"),
        ("csv", {"sensor": "x", "sensor_column": "s", "time": {"column": "t"}}, "either wide columns"),
        ("csv", {"columns": [{"column": "v", "quantity": "stage_m", "unit": "m"}]}, "sensor_column is missing"),
        (
            "arrow",
            {"sensor_column": "s", "columns": [{"column": "v", "quantity": "stage_m", "unit": "m"}]},
            "the table [feed.time] with its column is missing",
        ),
        ("senml", {"columns": [{"column": "v", "quantity": "stage_m"}] * 2}, "column 'v': is there twice"),
        (
            "senml",
            {"columns": [{"column": "v", "quantity": "stage_m", "unit": "furlong"}]},
            "unit 'furlong' is not legal",
        ),
        ("senml", {"max_depth": 0}, "size limits must be positive"),
        ("senml", {"station": {"pasword": "x"}}, "[feed.station]: unknown key 'pasword'"),
    ],
)
def test_a_format_says_what_it_needs(format_: str, section: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        feed(format_, **section)
    assert message in str(caught.value)


def test_the_file_of_keys_stands_beside_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "feed.toml"
    path.write_text('[feed]\nid = "f"\nformat = "senml"\n[feed.signature]\nkeys = "keys.toml"\n', encoding="utf-8")
    signature = read_feed_config(path).signature
    assert signature is not None
    assert signature.keys == str(tmp_path / "keys.toml")
