"""The tables as they are now. How they came to be stands in `migrations/`; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite forgets the zone of a moment, so it is taken off and put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a moment without a zone; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment needs a time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give every moment back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


JsonDocument = JSON().with_variant(JSONB(), "postgresql")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("name", Text(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    UniqueConstraint("name"),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("workspace_id", Uuid(), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text(), nullable=False),
    Column("role", String(16), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("revoked_at", UtcDateTime(), nullable=True),
    UniqueConstraint("sha256"),
    Index(None, "workspace_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("access_key_id", Uuid(), ForeignKey("access_keys.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    Index(None, "expires_at"),
)

actions = Table(
    "actions",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("workspace_id", Uuid(), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    Column("actor", Text(), nullable=False),
    Column("action", String(32), nullable=False),
    Column("subject", Text(), nullable=False),
    Column("details", JsonDocument, nullable=False),
    Index(None, "workspace_id", "at", "id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("workspace_id", Uuid(), ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("response", JsonDocument, nullable=True),
    Index(None, "created_at"),
)

assessments = Table(
    "assessments",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("workspace_id", Uuid(), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text(), nullable=True),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("latest", Integer(), nullable=False),
    Index(None, "workspace_id", "created_at", "id"),
)

assessment_versions = Table(
    "assessment_versions",
    metadata,
    Column("assessment_id", Uuid(), ForeignKey("assessments.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer(), primary_key=True, autoincrement=False),
    Column("form", JsonDocument, nullable=False),
    Column("assessment", JsonDocument, nullable=False),
    Column("ruleset_sha256", String(64), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    CheckConstraint("number >= 1", name="number_from_one"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("workspace_id", Uuid(), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text(), nullable=False),
    Column("file_sha256", String(64), nullable=False),
    Column("size", BigInteger(), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("description", JsonDocument, nullable=False),
    Column("status", String(16), nullable=False),
    Column("audit", JsonDocument, nullable=True),
    Column("problem", Text(), nullable=True),
    Column("created_at", UtcDateTime(), nullable=False),
    Index(None, "workspace_id", "created_at", "id"),
    Index(None, "file_sha256"),
)

corpora = Table(
    "corpora",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("workspace_id", Uuid(), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text(), nullable=False),
    Column("documents", JsonDocument, nullable=False),
    Column("size", BigInteger(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Index(None, "workspace_id", "created_at", "id"),
)

comparisons = Table(
    "comparisons",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("workspace_id", Uuid(), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text(), nullable=False),
    Column("dataset_id", Uuid(), ForeignKey("datasets.id", ondelete="SET NULL"), nullable=True),
    Column("test_id", Uuid(), ForeignKey("datasets.id", ondelete="SET NULL"), nullable=True),
    Column("corpus_id", Uuid(), ForeignKey("corpora.id", ondelete="SET NULL"), nullable=True),
    Column("assessment_id", Uuid(), ForeignKey("assessments.id", ondelete="SET NULL"), nullable=True),
    Column("request", JsonDocument, nullable=False),
    Column("status", String(24), nullable=False),
    Column("generation", Integer(), nullable=False),
    Column("events", Integer(), nullable=False),
    Column("plan", JsonDocument, nullable=True),
    Column("foreseen", JsonDocument, nullable=True),
    Column("approved_by", Text(), nullable=True),
    Column("verdict", JsonDocument, nullable=True),
    Column("problem", JsonDocument, nullable=True),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("queued_at", UtcDateTime(), nullable=True),
    Column("started_at", UtcDateTime(), nullable=True),
    Column("finished_at", UtcDateTime(), nullable=True),
    Index(None, "workspace_id", "created_at", "id"),
    Index(None, "status", "queued_at"),
    Index(None, "dataset_id"),
)

trials = Table(
    "trials",
    metadata,
    Column("comparison_id", Uuid(), ForeignKey("comparisons.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("number", Integer(), nullable=False),
    Column("arm", Text(), nullable=False),
    Column("title", Text(), nullable=False),
    Column("train_size", Integer(), nullable=False),
    Column("queue", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer(), nullable=False),
    Column("worker", Text(), nullable=True),
    Column("seconds", Float(), nullable=True),
    Column("problem", Text(), nullable=True),
)

events = Table(
    "events",
    metadata,
    Column("comparison_id", Uuid(), ForeignKey("comparisons.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer(), primary_key=True, autoincrement=False),
    Column("at", UtcDateTime(), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("data", JsonDocument, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("queues", JsonDocument, nullable=False),
    Column("lease_until", Float(), nullable=False),
)

leaders = Table(
    "leaders",
    metadata,
    Column("role", String(16), primary_key=True),
    Column("worker", String(64), nullable=False),
    Column("lease_until", Float(), nullable=False),
)
