"""In which queue each trial waits.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Trials that are there already waited in the queue that every worker serves."""
    with op.batch_alter_table("trials") as table:
        table.add_column(sa.Column("queue", sa.String(length=16), nullable=True))
    op.execute(sa.table("trials", sa.column("queue", sa.String())).update().values(queue="trials"))
    with op.batch_alter_table("trials") as table:
        table.alter_column("queue", nullable=False)


def downgrade() -> None:
    """Forget it."""
    with op.batch_alter_table("trials") as table:
        table.drop_column("queue")
