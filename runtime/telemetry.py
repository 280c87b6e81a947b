"""Logs, metrics and traces, the same for API, worker and relay.

Everything that logs through the standard library (Temporal's workflow and activity loggers, its
core, uvicorn, SQLAlchemy) leaves in the form of our own events.
"""

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal

import structlog
from opentelemetry.trace import set_tracer_provider
from structlog.typing import Processor
from temporalio import activity, workflow
from temporalio.contrib.opentelemetry import create_tracer_provider
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from runtime.redaction import redact

_QUIET: Final = ("httpx", "httpx2", "httpcore", "stripe", "easypost", "asyncio", "uvicorn.access")
_IDS: Final = ("workflow_id", "run_id", "workflow_type", "activity_type", "attempt")


def configure_logging(service: str, *, form: Literal["json", "console"], level: str) -> None:
    """Send every log line to standard error, as JSON or for eyes, with *service* in it."""
    shared = _processors(service)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(form, shared))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # The ids come as fields; repeated in the text they would hide what happened.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False


def temporal_runtime(metrics_port: int | None, *, host: str = "127.0.0.1") -> Runtime:
    """Return Temporal's runtime, one for the process, with its metrics on *metrics_port*."""
    metrics = PrometheusConfig(
        bind_address=f"{host}:{metrics_port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
    )
    return Runtime(
        telemetry=TelemetryConfig(
            logging=LoggingConfig(
                filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
                forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
            ),
            metrics=metrics if metrics_port else None,
        )
    )


def configure_tracing(service: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Export traces if `OTEL_EXPORTER_OTLP_ENDPOINT` is set, and say whether they are.

    Raises RuntimeError if it is set and the extra `otlp` is not installed.
    """
    if not environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  # an extra
            OTLPSpanExporter,
        )
    except ImportError as error:
        raise RuntimeError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the exporter is missing: install caravan[otlp]"
        ) from error
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # slow, and rarely wanted
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  # slow, too

    provider = create_tracer_provider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    set_tracer_provider(provider)
    return True


def _processors(service: str) -> list[Processor]:
    def name_service(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        name_service,
        _add_temporal_ids,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _formatter(
    form: Literal["json", "console"], shared: list[Processor]
) -> structlog.stdlib.ProcessorFormatter:
    last: list[Processor] = (
        [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()]
        if form == "json"
        else [redact, _console()]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


def _console() -> Processor:
    # The default prints every local variable beside a traceback: tokens and addresses with them.
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _add_temporal_ids(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Name the process and the step that logs, so that no caller has to."""
    for group in ("temporal_workflow", "temporal_activity"):
        found = event.pop(group, None)
        if isinstance(found, Mapping):
            event.update({name: found[name] for name in _IDS if name in found})
    if activity.in_activity():
        info = activity.info()
        event.setdefault("workflow_id", info.workflow_id)
        event.setdefault("run_id", info.workflow_run_id)
        event.setdefault("activity_type", info.activity_type)
        event.setdefault("attempt", info.attempt)
    return event
