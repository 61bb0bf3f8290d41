"""Who said that a person died, and which record stands for one that was merged"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
NEW_COLUMNS = (
    ("death_said_by", sa.Text()),
    ("death_recorded_at", AT),
    ("merged_into", ID),
    ("merged_at", AT),
)
OTHERS = (
    "NEW.id <> OLD.id OR NEW.provider_id <> OLD.provider_id OR NEW.activity_id <> OLD.activity_id"
    " OR NEW.organisation_id <> OLD.organisation_id OR NEW.system_id <> OLD.system_id"
)
PERSON = "NEW.person_id <> OLD.person_id"
MERGED = "EXISTS (SELECT 1 FROM person WHERE id = OLD.person_id AND merged_into = NEW.person_id)"
SENT = "OLD.sent_at IS NOT NULL"
MOVED = "The ids of a referral that was sent never change."


def upgrade() -> None:
    for name, kind in NEW_COLUMNS:
        op.add_column("person", sa.Column(name, kind, nullable=True))
    # A referral that was sent keeps its ids, but that it goes with its person into the record that
    # stands for theirs.
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER referral_ids ON referral")
        op.execute(
            "CREATE FUNCTION referral_person_kept() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF {MERGED} THEN RETURN NEW; END IF;"
            " RAISE EXCEPTION '%', TG_ARGV[0]; END $$"
        )
        op.execute(
            f"CREATE TRIGGER referral_ids BEFORE UPDATE ON referral FOR EACH ROW"
            f" WHEN ({SENT} AND ({OTHERS})) EXECUTE FUNCTION refuse_change('{MOVED}')"
        )
        op.execute(
            f"CREATE TRIGGER referral_person BEFORE UPDATE ON referral FOR EACH ROW"
            f" WHEN ({SENT} AND {PERSON}) EXECUTE FUNCTION referral_person_kept('{MOVED}')"
        )
        return
    op.execute("DROP TRIGGER referral_ids")
    op.execute(
        f"CREATE TRIGGER referral_ids BEFORE UPDATE ON referral"
        f" WHEN {SENT} AND ({OTHERS} OR ({PERSON} AND NOT {MERGED}))"
        f" BEGIN SELECT RAISE(ABORT, '{MOVED}'); END"
    )


def downgrade() -> None:
    sent = f"{SENT} AND ({OTHERS} OR {PERSON})"
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER referral_person ON referral")
        op.execute("DROP TRIGGER referral_ids ON referral")
        op.execute("DROP FUNCTION referral_person_kept()")
        op.execute(
            f"CREATE TRIGGER referral_ids BEFORE UPDATE ON referral FOR EACH ROW WHEN ({sent})"
            f" EXECUTE FUNCTION refuse_change('{MOVED}')"
        )
    else:
        op.execute("DROP TRIGGER referral_ids")
        op.execute(
            f"CREATE TRIGGER referral_ids BEFORE UPDATE ON referral WHEN {sent}"
            f" BEGIN SELECT RAISE(ABORT, '{MOVED}'); END"
        )
    for name, _kind in reversed(NEW_COLUMNS):
        op.drop_column("person", name)
