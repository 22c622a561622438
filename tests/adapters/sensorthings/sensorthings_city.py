"""A live run of the sandbox city and its SensorThings service, asked as HTTP would ask it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from rencheng.adapters.sensorthings import Answer, Asked, SensorThings, answer, answer_batch
from rencheng.app.session import Session

__all__ = ["BASE", "Client", "new_stream"]

BASE = "http://localhost/sensorthings/v1.1"


@dataclass
class Client:
    """Asks a service."""

    session: Session
    actor: str = "sensorthings:test"
    answers: list[Answer] = field(default_factory=list)

    @property
    def service(self) -> SensorThings:
        return self.session.sensorthings

    def ask(self, method: str, address: str, body: Any = None, *, content_type: str = "application/json") -> Answer:
        path, _, query = address.removeprefix(BASE).partition("?")
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        asked = Asked(
            method=method,
            path=unquote(path),
            query=quote(query, safe="=&%+$"),
            base=BASE,
            actor=self.actor,
            body=data,
            content_type=content_type,
        )
        found = (answer_batch if path.strip("/") == "$batch" else answer)(self.service, asked)
        self.answers.append(found)
        return found

    def get(self, address: str) -> Any:
        found = self.ask("GET", address)
        assert found.status == 200, found.body
        return json.loads(found.body)

    def ids(self, address: str) -> list[Any]:
        return [one["@iot.id"] for one in self.get(address)["value"]]

    def post(self, address: str, body: Any) -> Any:
        found = self.ask("POST", address, body)
        assert found.status == 201, found.body
        return json.loads(found.body)

    def refusal(self, method: str, address: str, body: Any = None) -> dict[str, Any]:
        found = self.ask(method, address, body)
        assert found.status >= 400, found.body
        assert found.media_type == "application/problem+json"
        told: dict[str, Any] = json.loads(found.body)
        return told


def new_stream(client: Client, *, unit: str = "cm", name: str = "Well 7") -> dict[str, Any]:
    """A Thing with everything it needs, in one insert; gives its Datastream."""
    thing = client.post(
        "Things",
        {
            "name": name,
            "description": "an observation well",
            "properties": {"owner": "water bureau", "depth": 12},
            "Locations": [
                {
                    "name": "yard",
                    "description": "behind the station",
                    "encodingType": "application/geo+json",
                    "location": {"type": "Point", "coordinates": [121.5, 31.2]},
                }
            ],
            "Datastreams": [
                {
                    "name": "level",
                    "description": "water level",
                    "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
                    "unitOfMeasurement": {"name": "centimetre", "symbol": unit, "definition": f"ucum:{unit}"},
                    "Sensor": {
                        "name": "probe",
                        "description": "pressure probe",
                        "encodingType": "application/pdf",
                        "metadata": "http://example.org/probe.pdf",
                    },
                    "ObservedProperty": {
                        "name": "Water level",
                        "definition": "http://example.org/level",
                        "description": "height of the water",
                    },
                }
            ],
        },
    )
    (stream,) = client.get(f"Things({thing['@iot.id']})/Datastreams")["value"]
    found: dict[str, Any] = stream
    return found
