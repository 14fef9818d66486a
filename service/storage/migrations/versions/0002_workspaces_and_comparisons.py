"""Workspaces and their keys, uploaded data, comparisons with their trials and events, workers.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DEFAULT_WORKSPACE = UUID("00000000-0000-4000-8000-000000000001")


def upgrade() -> None:
    """What is there already goes to the first workspace."""
    _make_access()
    _give_assessments_a_workspace()
    _make_data()
    _make_comparisons()
    _make_workers()


def _make_access() -> None:
    op.create_table(
        "workspaces",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
        sa.UniqueConstraint("name", name="uq_workspaces_name"),
    )
    op.create_table(
        "access_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_access_keys_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_access_keys"),
        sa.UniqueConstraint("sha256", name="uq_access_keys_sha256"),
    )
    op.create_index("ix_access_keys_workspace_id", "access_keys", ["workspace_id"])
    op.create_table(
        "sessions",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("access_key_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["access_key_id"], ["access_keys.id"], name="fk_sessions_access_key_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", name="pk_sessions"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "actions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", _document(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_actions_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_actions"),
    )
    op.create_index("ix_actions_workspace_id_at_id", "actions", ["workspace_id", "at", "id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("response", _document(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_idempotency_keys_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    op.bulk_insert(
        sa.table(
            "workspaces",
            sa.column("id", sa.Uuid()),
            sa.column("name"),
            sa.column("created_at", sa.DateTime(timezone=True)),
        ),
        [{"id": DEFAULT_WORKSPACE, "name": "default", "created_at": datetime.now(UTC)}],
    )


def _make_data() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("description", _document(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("audit", _document(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_datasets_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
    )
    op.create_index("ix_datasets_file_sha256", "datasets", ["file_sha256"])
    op.create_index("ix_datasets_workspace_id_created_at_id", "datasets", ["workspace_id", "created_at", "id"])
    op.create_table(
        "corpora",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("documents", _document(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_corpora_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_corpora"),
    )
    op.create_index("ix_corpora_workspace_id_created_at_id", "corpora", ["workspace_id", "created_at", "id"])


def _make_comparisons() -> None:
    op.create_table(
        "comparisons",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Uuid(), nullable=True),
        sa.Column("test_id", sa.Uuid(), nullable=True),
        sa.Column("corpus_id", sa.Uuid(), nullable=True),
        sa.Column("assessment_id", sa.Uuid(), nullable=True),
        sa.Column("request", _document(), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("plan", _document(), nullable=True),
        sa.Column("foreseen", _document(), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("verdict", _document(), nullable=True),
        sa.Column("problem", _document(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["assessment_id"], ["assessments.id"], name="fk_comparisons_assessment_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["corpus_id"], ["corpora.id"], name="fk_comparisons_corpus_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_comparisons_dataset_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["test_id"], ["datasets.id"], name="fk_comparisons_test_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_comparisons_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_comparisons"),
    )
    op.create_index("ix_comparisons_dataset_id", "comparisons", ["dataset_id"])
    op.create_index("ix_comparisons_status_queued_at", "comparisons", ["status", "queued_at"])
    op.create_index("ix_comparisons_workspace_id_created_at_id", "comparisons", ["workspace_id", "created_at", "id"])
    op.create_table(
        "trials",
        sa.Column("comparison_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("train_size", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparisons.id"], name="fk_trials_comparison_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("comparison_id", "key", name="pk_trials"),
    )
    op.create_table(
        "events",
        sa.Column("comparison_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("data", _document(), nullable=False),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparisons.id"], name="fk_events_comparison_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("comparison_id", "number", name="pk_events"),
    )


def _make_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("queues", _document(), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "leaders",
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("role", name="pk_leaders"),
    )


def _give_assessments_a_workspace() -> None:
    with op.batch_alter_table("assessments") as table:
        table.drop_index("ix_assessments_created_at_id")
        table.add_column(sa.Column("workspace_id", sa.Uuid(), nullable=True))
    op.execute(
        sa.table("assessments", sa.column("workspace_id", sa.Uuid())).update().values(workspace_id=DEFAULT_WORKSPACE)
    )
    with op.batch_alter_table("assessments") as table:
        table.alter_column("workspace_id", nullable=False)
        table.create_foreign_key(
            "fk_assessments_workspace_id", "workspaces", ["workspace_id"], ["id"], ondelete="CASCADE"
        )
        table.create_index("ix_assessments_workspace_id_created_at_id", ["workspace_id", "created_at", "id"])


def downgrade() -> None:
    """Take away all that came with workspaces."""
    for table in ("leaders", "workers", "events", "trials", "comparisons", "corpora", "datasets"):
        op.drop_table(table)
    with op.batch_alter_table("assessments") as changed:
        changed.drop_constraint("fk_assessments_workspace_id", type_="foreignkey")
        changed.drop_index("ix_assessments_workspace_id_created_at_id")
        changed.drop_column("workspace_id")
        changed.create_index("ix_assessments_created_at_id", ["created_at", "id"])
    for table in ("idempotency_keys", "actions", "sessions", "access_keys", "workspaces"):
        op.drop_table(table)


def _document() -> sa.types.TypeEngine[Any]:
    return sa.JSON().with_variant(JSONB(), "postgresql")
