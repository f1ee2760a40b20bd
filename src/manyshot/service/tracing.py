"""Traces for OpenTelemetry, where they are wanted. One rule: nothing is loaded or sent without being asked for."""

from __future__ import annotations

from typing import Any

from manyshot.errors import SpecError


def tracer(collector: str) -> Any:
    """A tracer that sends to a collector (OTLP over HTTP). Raises SpecError without the extra, or for no URL."""
    if not collector.startswith(("http://", "https://")):
        raise SpecError(f"--traces {collector}: wanted an address, as http://127.0.0.1:4318/v1/traces")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise SpecError(
            f"--traces needs {error.name}, which is not installed: pip install 'manyshot[traces]'"
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "manyshot"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=collector)))
    return provider.get_tracer("manyshot")
