"""Whom an entry of the log is about, and who acted, can be looked up"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    pg = op.get_bind().dialect.name == "postgresql"
    op.add_column("audit", sa.Column("subject", ID, nullable=True))
    # What the leaves say already, said in the new column too.
    if pg:
        op.execute("ALTER TABLE audit DISABLE TRIGGER audit_append_only")
        op.execute(
            "UPDATE audit SET subject = CAST(CAST(leaf AS json) ->> 'subject' AS uuid)"
            ' WHERE leaf LIKE \'%"subject":"%\''
        )
        op.execute("ALTER TABLE audit ENABLE TRIGGER audit_append_only")
    else:
        kept = op.get_bind().exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE name = 'audit_no_update'"
        )
        trigger = kept.scalar_one()
        op.execute("DROP TRIGGER audit_no_update")
        op.execute(
            "UPDATE audit SET subject = json_extract(leaf, '$.subject')"
            ' WHERE leaf LIKE \'%"subject":"%\''
        )
        op.get_bind().exec_driver_sql(trigger)
    op.create_index("ix_audit_membership_id_seq", "audit", ["membership_id", "seq"])
    op.create_index("ix_audit_subject_seq", "audit", ["subject", "seq"])


def downgrade() -> None:
    op.drop_index("ix_audit_subject_seq", "audit")
    op.drop_index("ix_audit_membership_id_seq", "audit")
    op.drop_column("audit", "subject")
