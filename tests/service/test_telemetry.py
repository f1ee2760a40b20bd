"""What is traced and logged: steps and calls, and never a word or a value."""

from __future__ import annotations

import io
import json

import pytest

from manyshot.desk.guard import Log
from manyshot.errors import SpecError
from manyshot.service.telemetry import Telemetry
from manyshot.service.tracing import tracer
from tests.service.hotel import House


def test_traces_have_steps_and_calls_and_no_words(hotel: House) -> None:
    pytest.importorskip("opentelemetry.sdk.trace", reason="traces need manyshot[traces]")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    hotel.talks.telemetry.trace(provider.get_tracer("test"))
    name = hotel.talks.begin("customer seven", "en")
    hotel.say(name, 'Make{"hidden":"words"}', "broken")
    spans = exporter.get_finished_spans()
    assert {"step think", "step check", "step call", "step tell", "call Make"} <= {span.name for span in spans}
    told = " ".join(span.to_json() for span in spans)
    for secret in ("hidden", "words", "seven", name, "a fault of ours"):
        assert secret not in told


def test_a_fault_is_logged_with_its_place_and_not_with_what_it_says() -> None:
    out = io.StringIO()
    telemetry = Telemetry(Log(out))
    try:
        raise ValueError("the customer's words")
    except ValueError as error:
        telemetry.fault("think", error)
    row = json.loads(out.getvalue())
    assert (row["event"], row["place"], row["error"]) == ("fault", "think", "ValueError")
    assert "words" not in out.getvalue()


def test_no_address_of_a_collector_is_said() -> None:
    with pytest.raises(SpecError, match="wanted an address"):
        tracer("nonsense")
