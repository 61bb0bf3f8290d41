"""Lists of referrals are read in the order they are shown, whatever the states asked for"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SIDES = ("provider_id", "organisation_id")


def upgrade() -> None:
    for side in SIDES:
        op.drop_index(f"ix_referral_{side}_state_since_id", "referral")
        op.create_index(
            f"ix_referral_{side}_since_id_state", "referral", [side, "since", "id", "state"]
        )


def downgrade() -> None:
    for side in SIDES:
        op.drop_index(f"ix_referral_{side}_since_id_state", "referral")
        op.create_index(
            f"ix_referral_{side}_state_since_id", "referral", [side, "state", "since", "id"]
        )
